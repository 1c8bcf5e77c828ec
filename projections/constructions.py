"""Constructions of tasks: what each round brought, and how each ended, by run."""

from typing import Any

import msgspec

from events.base import Recorded
from events.digest import Digest, Fingerprint
from events.streams import CONSTRUCT, family_of
from events.types.construction import (
    BlueprintCritiqued,
    BlueprintIssue,
    BlueprintProposed,
    BlueprintRepair,
    BlueprintRepaired,
    ConstructionClosed,
    ConstructionEnding,
    ConstructionOpened,
    RenderRefused,
    TaskPublished,
    TaskRendered,
)
from events.types.proving import ProofConcluded, ProofFinding, ProofVerdict
from projections.base import Blobs


class ConstructionRound(msgspec.Struct):
    """A blueprint, and what became of it."""

    number: int
    """From 1."""
    blueprint: Digest
    """Blob: after what could be put right was, once that is known."""
    repairs: tuple[BlueprintRepair, ...] = ()
    issues: tuple[BlueprintIssue, ...] = ()
    blocking: int | None = None
    """None: it was not looked through yet."""
    task: Fingerprint | None = None
    """Package digest of what was made of it. None: nothing was."""
    refused: str = ""
    """Why nothing could be made of it; empty otherwise."""
    verdict: ProofVerdict | None = None
    """None: it was not proved."""
    findings: tuple[ProofFinding, ...] = ()


class ConstructionRecord(msgspec.Struct):
    """The construction of a task."""

    name: str
    brief: Digest
    """Blob: its prompt spec."""
    rounds: list[ConstructionRound] = []
    published: Fingerprint | None = None
    """Package digest. None: it is not published."""
    ending: ConstructionEnding | None = None
    """None: it has not ended."""
    reasons: tuple[str, ...] = ()


class ConstructionsState(msgspec.Struct):
    """All constructions of a log."""

    runs: dict[str, dict[str, ConstructionRecord]] = {}
    """By run and name, in the order in which they were begun."""


class Constructions:
    """The projection."""

    name = "constructions"
    revision = 1
    tags: frozenset[str] | None = frozenset(
        {
            "construction.opened",
            "blueprint.proposed",
            "blueprint.repaired",
            "blueprint.critiqued",
            "task.rendered",
            "task.render_refused",
            "proof.concluded",
            "task.published",
            "construction.closed",
        }
    )

    def initial(self) -> ConstructionsState:
        """Give the state before any event."""
        return ConstructionsState({})

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Need nothing."""
        del recorded
        return ()

    def apply(self, state: ConstructionsState, recorded: Recorded, blobs: Blobs) -> ConstructionsState:
        """Fold one event in."""
        del blobs
        if family_of(recorded.stream.name) != CONSTRUCT:
            return state
        run = state.runs.setdefault(recorded.stream.run, {})
        name = recorded.stream.name.partition("/")[2]
        if isinstance(recorded.event, ConstructionOpened):
            run[name] = ConstructionRecord(name, recorded.event.brief)
        elif name in run:
            _follow(run[name], recorded)
        return state

    def state_type(self) -> type[Any]:
        """Say which type a snapshot decodes to."""
        return ConstructionsState


def _follow(record: ConstructionRecord, recorded: Recorded) -> None:
    match recorded.event:
        case BlueprintProposed() as proposed:
            record.rounds.append(ConstructionRound(proposed.round, proposed.blueprint))
        case TaskPublished(digest=digest):
            record.published = digest
        case ConstructionClosed() as closed:
            record.ending, record.reasons = closed.ending, closed.reasons
        case _:
            for last in record.rounds[-1:]:
                _follow_round(last, recorded)


def _follow_round(last: ConstructionRound, recorded: Recorded) -> None:
    match recorded.event:
        case BlueprintRepaired() as repaired:
            last.blueprint, last.repairs = repaired.blueprint, repaired.repairs
        case BlueprintCritiqued() as critiqued:
            last.issues, last.blocking = critiqued.issues, critiqued.blocking
        case TaskRendered(digest=digest):
            last.task = digest
        case RenderRefused(reason=reason):
            last.refused = reason
        case ProofConcluded() as concluded:
            last.verdict, last.findings = concluded.verdict, concluded.findings
        case _:
            pass
