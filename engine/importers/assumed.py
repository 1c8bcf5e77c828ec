"""Decisions of imported runs: with inputs in the form that ours have, under settings that are assumed, not recorded."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from engine.config.spec import RunSpec, canonical
from engine.core.decision import Point, encode_value
from engine.importers.streams import StreamBuilder
from engine.programs.explore.points import JUDGING, JudgingSaw, SourceSaid
from engine.programs.explore.spec import PdiSpec, SparkSpec
from events.base import Ref
from events.digest import Digest
from events.redaction.redactor import Redactor
from events.types.attempt import AttemptJudged
from events.types.decision import Decided, DecisionMade, Text
from events.values import NamedDigest, Outcome

OPENING: Final = Ref("run", 1)
"""The event that names the files of an imported run."""


class ForeignDecision(NamedTuple):
    """A decision of another system, as its files tell it."""

    point: Point[Any, Any, Any]
    saw: Any
    rule: Any
    """The settings that it is taken to rest on."""
    event: Decided
    """Which records the ruling, without inputs."""
    cause: Ref | None = None


class Noted(NamedTuple):
    """A decision as it was laid out."""

    point: Point[Any, Any, Any]
    at: Ref
    """The event that records it; the event before it, if it is silent."""
    silent: bool
    """Whether no event records it: so it is in runs that an earlier version imported."""
    saw: Any
    inputs: Digest
    rule: Any
    ruling: Any
    event: Decided
    """Which records it, with its inputs, as it was laid out."""

    @property
    def steers(self) -> bool | None:
        """As in `DecisionMade`."""
        return self.event.steers if isinstance(self.event, DecisionMade) else None


class Assumed:
    """Lays decisions out, with what they are taken to rest on, and keeps a list of them."""

    def __init__(self, put: Callable[[bytes], Digest], redactor: Redactor, spec: RunSpec) -> None:
        """Begin.

        Args:
            put: Takes the bytes of a blob in.
            redactor: Of the log, which keeps inputs without the secrets it knows.
            spec: The settings.
        """
        self._put = put
        self._redactor = redactor
        self.spec = spec
        self.noted: list[Noted] = []

    def opening(self) -> Digest:
        """Lay the settings down, for the run's first event."""
        return self._put(canonical(self.spec))

    def add(self, layout: StreamBuilder, stream: str, told: ForeignDecision) -> Ref:
        """Lay out a decision behind what its stream holds; give the event that records it."""
        return layout.add(stream, self.note(told, layout.next(stream)), told.cause)

    def note(self, told: ForeignDecision, at: Ref, *, silent: bool = False) -> Decided:
        """Take note of a decision; give the event that records it, with its inputs."""
        point, saw, rule, event, _ = told
        if self._redactor.hits(encode_value(saw)):
            saw = self._redactor.value(saw)
        inputs = self._put(encode_value(saw))
        event = msgspec.structs.replace(
            event, inputs=inputs, rule=self._put(encode_value(rule)), point_revision=point.revision
        )
        self.noted.append(Noted(point, at, silent, saw, inputs, rule, point.ruling_in(event), event))
        return event

    def verdict(self, event: AttemptJudged, files: Sequence[Text], *, told: bool = False) -> ForeignDecision:
        """Say what a verdict rests on.

        Args:
            event: Which records it.
            files: Which say it.
            told: Whether they hold the verdict itself, which another log of ours had reached.
        """
        saw = JudgingSaw(said=_said(event.outcome, files, told=told))
        return ForeignDecision(JUDGING, saw, JUDGING.rule(self.spec, saw), event)


def assumed_spec(mode: Literal["observe", "intervene"] = "intervene", attempts: int | None = None) -> RunSpec:
    """Give the settings that a run is taken to rest on: SPARK's defaults.

    Args:
        mode: Whether its readings of PDI were acted upon.
        attempts: How many there could be. None: the source does not say.
    """
    pdi = PdiSpec(mode=mode, stale="repeat")
    return RunSpec(tasks="", method=SparkSpec(attempts=attempts or SparkSpec().attempts, pdi=pdi))


def _said(outcome: Outcome, files: Sequence[Text], *, told: bool) -> SourceSaid:
    """Say what an outcome was read from: a reward that can be read, or why there is none."""
    return SourceSaid(
        files=tuple(files),
        reward=outcome.reward,
        silence=outcome.reason if outcome.kind == "no_verdict" else "",
        broken=outcome.reason if outcome.kind == "infrastructure" else None,
        verdict=outcome if told else None,
    )


def texts_of(files: Sequence[NamedDigest], wanted: Collection[str]) -> tuple[Text, ...]:
    """Name those of a run's files that are wanted."""
    return tuple(Text(each.digest, OPENING) for each in files if each.name in wanted)
