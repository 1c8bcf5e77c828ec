"""Decision on how earlier trials are told: one for whoever is told of them, an author or a solver."""

from typing import Final

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import Point
from engine.programs.evolve.spec import arm_of_spec, evolve_spec
from events.digest import Digest
from events.types.authoring import FailedCheck, RubricShare, TracedTrial
from events.types.condition import FeedbackLevel
from events.types.decision import Seen
from events.types.optimizing import TrajectoryPart


class TraceSeen(msgspec.Struct, frozen=True):
    """Of `TraceRead`."""

    solved: bool
    reward: float | None
    turns: int
    parts: tuple[TrajectoryPart, ...]
    outcome: bool | None
    process: bool | None
    failed: tuple[FailedCheck, ...]
    rubric: tuple[RubricShare, ...]


class ToldTrial(msgspec.Struct, frozen=True):
    """A trial to be told."""

    trial: TracedTrial
    trace: Seen[TraceSeen]


class TracesSaw(msgspec.Struct, frozen=True):
    """Trials, the oldest first."""

    trials: tuple[ToldTrial, ...]


class TraceRule(msgspec.Struct, frozen=True):
    """How much of them is told."""

    feedback: FeedbackLevel
    budget_chars: int
    part_chars: int | None


class WordedTraces(msgspec.Struct, frozen=True):
    """How they are told."""

    trajectories: Digest
    """Blob: text; what was done. Empty: there is nothing to tell."""
    feedback: Digest
    """Blob: text; what the verifier found. Empty: nothing of it is told."""
    diagnosis: str
    """Of the newest trial: ``clean``, ``shortcut``, ``procedural`` or ``failure``. Empty: it is not told, or the
    verifier has no two groups."""
    dropped: Digest
    """Blob: JSON list of `DroppedPart`."""
    parts: int
    """Parts of trials that there are."""
    dropped_parts: int
    """Parts of which something is left out, and failed checks that are."""
    dropped_chars: int


def _rule(spec: RunSpec, saw: TracesSaw) -> TraceRule:
    del saw
    arm = arm_of_spec(spec)
    return TraceRule(arm.feedback, arm.budget_chars, evolve_spec(spec).authoring.part_chars)


TRACES: Final[Point[TracesSaw, TraceRule, WordedTraces]] = Point(
    name="traces_worded",
    revision=1,
    saw=TracesSaw,
    settings=TraceRule,
    ruling=WordedTraces,
    decisive=("trajectories", "feedback", "diagnosis"),
    steers=True,
    rule=_rule,
)
POINTS: Final = (TRACES,)
