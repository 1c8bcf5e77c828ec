"""The point of decision of a proof: what the trials of a task say of it."""

from typing import Final, Literal

import msgspec

from engine.core.decision import NoSettings, Point, no_settings
from events import values
from events.digest import Digest
from events.types.decision import Seen
from events.types.proving import (
    AnswerFile,
    ExposedAnswer,
    ProofConcluded,
    ProofFinding,
    ProofStep,
    ProofVerdict,
)


class InspectedSeen(msgspec.Struct, frozen=True):
    """Of `TaskInspected`."""

    solved: bool
    answers: tuple[AnswerFile, ...]
    exposed: tuple[ExposedAnswer, ...]
    tested: tuple[str, ...]
    told: tuple[str, ...]


class VerdictSeen(msgspec.Struct, frozen=True):
    """Of how an attempt was judged, or a further verification of its final state."""

    outcome: values.Outcome


class LookSeen(msgspec.Struct, frozen=True):
    """Of `ActionObserved`: a search through the file system of the agent."""

    exit_code: int | None
    ended: str
    stdout: Digest


class TriedProof(msgspec.Struct, frozen=True):
    """One trial of a proof."""

    step: ProofStep
    ended: str
    """As in `TrialClosed`."""
    outcomes: tuple[Seen[VerdictSeen], ...]
    """How its attempts ended; one that lacks a score is followed by another."""
    again: tuple[Seen[VerdictSeen], ...]
    """What further verifications of the last final state came to."""


class ProofSaw(msgspec.Struct, frozen=True):
    """What was tried."""

    inspected: Seen[InspectedSeen] | None
    """None: its folder could not be read."""
    trials: tuple[TriedProof, ...]
    look: Seen[LookSeen] | None
    """None: nobody looked."""
    steps: tuple[Literal["oracle", "nop", "cheat"], ...]
    """Kinds of trials that are part of the proof."""


class TaskProof(msgspec.Struct, frozen=True):
    """What it comes to."""

    verdict: ProofVerdict
    findings: tuple[ProofFinding, ...]


PROOF: Final = Point(
    name="proof",
    revision=1,
    saw=ProofSaw,
    settings=NoSettings,
    ruling=TaskProof,
    decisive=("verdict", "findings"),
    steers=True,
    rule=no_settings,
    events=(ProofConcluded,),
)
