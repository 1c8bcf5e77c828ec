"""Decisions on a chain of causes, made again: from the bytes they saw, by the functions that made them."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from events.attempt import AttemptJudged
from events.base import Event, Recorded, Ref
from events.errors import StillroomError
from events.log import EventLog
from events.memo import MemoKept, MemoRewritten
from events.pdi import InterventionChosen, PdiImported, PdiRead
from events.skill import EvidenceGathered, SkillRefused, SkillRevised
from events.trial import AttemptConcluded, AttemptPlanned, HintPrepared, NextChosen
from replay.decisions.base import Decision, Input, Point
from replay.redecide import DecidedRun, read_decisions
from replay.why.nodes import Again, BlobLink, EventLink, Link
from replay.why.past import trial_of

POINT_OF: Final[Mapping[type[Event], Point]] = {
    AttemptJudged: "judging",
    AttemptConcluded: "judging",
    NextChosen: "stopping",
    HintPrepared: "hint",
    AttemptPlanned: "retry",
    MemoRewritten: "reflection",
    MemoKept: "reflection",
    PdiRead: "pdi",
    PdiImported: "pdi",
    InterventionChosen: "intervention",
    EvidenceGathered: "evidence",
    SkillRevised: "skill",
    SkillRefused: "skill",
}
"""Events that record a decision, and of which kind it is."""


class Told(NamedTuple):
    """A decision, and what it saw."""

    again: Again
    links: tuple[Link, ...]
    """The events and blobs that held its inputs, each called by the input's name."""


class Decisions:
    """Those of a run, made again a trial at a time, when the first of it is met."""

    def __init__(self, log: EventLog, run: str) -> None:
        self._log = log
        self._run = run
        self._trial = ""
        self._made: Mapping[Ref, Decision] = {}
        self._trouble = ""

    async def of(self, recorded: Recorded) -> Told | None:
        """Make again what an event decided. None: it decided nothing, or another system decided it unseen."""
        trial, point = trial_of(recorded.stream.name), POINT_OF.get(type(recorded.event))
        if point is None:
            return None
        if trial != self._trial:
            self._trial = trial
            await self._make(trial)
        if self._trouble:
            return Told(Again(point, None, (), self._trouble, {}, ()), ())
        decision = self._made.get(recorded.ref)
        return None if decision is None else _told(decision)

    async def _make(self, trial: str) -> None:
        self._made, self._trouble = {}, ""
        try:
            read: DecidedRun = await read_decisions(self._log, self._run, trial)
            made = read.decide().get(trial, [])
        except StillroomError as error:
            self._trouble = f"this trial's decisions cannot be made again: {error.problem}"
        else:
            self._made = {each.at: each for each in made}


def _told(decision: Decision) -> Told:
    again = Again(
        point=decision.point,
        agrees=None if decision.missing else decision.agrees,
        differences=decision.differences,
        note=decision.missing or decision.note,
        rule=decision.rule,
        saw=tuple((each.name, _value(each)) for each in decision.inputs if each.ref is None and each.digest is None),
    )
    return Told(again, tuple(_links(decision.inputs)))


def _links(inputs: tuple[Input, ...]) -> list[Link]:
    """Name what held each input: its event, which names the blob in turn; else the blob."""
    links: list[Link] = []
    for each in inputs:
        if each.ref is not None:
            links.append(EventLink(each.name, each.ref))
        elif each.digest is not None:
            links.append(BlobLink(each.name, each.digest))
    return links


def _value(seen: Input) -> Any:
    return msgspec.to_builtins(seen.value)
