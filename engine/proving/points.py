"""The point of decision of a proof: what the trials of a task say of it."""

from typing import Final, Literal, TypeAlias

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import NoSettings, Point, no_settings
from events import values
from events.base import Event
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


class RepeatsSeen(msgspec.Struct, frozen=True):
    """Of how often a final state is to be verified."""

    number: int
    """1 or more."""


class TriedRepeats(msgspec.Struct, frozen=True):
    """A trial of a proof, as far as its final state is verified more than once."""

    step: ProofStep
    wanted: Seen[RepeatsSeen] | None
    """None: nothing was to be judged, or it was to be once."""
    outcomes: tuple[Seen[VerdictSeen], ...]
    again: tuple[Seen[VerdictSeen], ...]


FurtherCourse: TypeAlias = Literal["give_up", "oracle", "nop", "conclude", "as_before"]
"""oracle, nop: who acts in another trial. conclude: a final state was verified more than once. give_up: none was, and
no trial is left. as_before: an earlier version concluded with what it had; no policy says so."""


class FurtherProofSaw(msgspec.Struct, frozen=True):
    """A proof in which a final state that was to be verified again was not: its sandbox was lost."""

    trials: tuple[TriedRepeats, ...]
    further: int
    """Trials that were begun for that reason before."""


class FurtherProofRule(msgspec.Struct, frozen=True):
    """How many may be."""

    most: int


class FurtherProof(msgspec.Struct, frozen=True):
    """Whether another trial is begun, so that one final state is verified more than once."""

    then: FurtherCourse


_MOST_FURTHER: Final = 2


def _as_before(event: Event) -> FurtherProof | None:
    """Proofs of earlier versions ended with what they had."""
    return FurtherProof("as_before") if isinstance(event, ProofConcluded) else None


def _further_rule(spec: RunSpec, saw: FurtherProofSaw) -> FurtherProofRule:
    del spec, saw
    return FurtherProofRule(_MOST_FURTHER)


FURTHER_PROOF: Final = Point(
    name="proof_further",
    revision=2,  # what counts as the first began none
    saw=FurtherProofSaw,
    settings=FurtherProofRule,
    ruling=FurtherProof,
    decisive=("then",),
    steers=True,
    rule=_further_rule,
    beside=_as_before,
)


class FurtherSeen(msgspec.Struct, frozen=True):
    """Of `FurtherProof`."""

    then: FurtherCourse


class ProofSaw(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was tried."""

    inspected: Seen[InspectedSeen] | None
    """None: its folder could not be read."""
    trials: tuple[TriedProof, ...]
    look: Seen[LookSeen] | None
    """None: nobody looked."""
    steps: tuple[Literal["oracle", "nop", "cheat"], ...]
    """Kinds of trials that are part of the proof."""
    further: Seen[FurtherSeen] | None = None
    """What was decided last, where final states were lost. None: none was, or an earlier version concluded."""


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
