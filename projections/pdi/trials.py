"""What every reflect step of every trial gave PDI to read, and what came of the trial, folded from the log.

Live and imported trials alike. `projections.pdi.steps` reads PDI from the same inputs; here they are kept as they are,
to be read under any settings, in any order, and beside noise.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from events.base import Recorded
from events.digest import Digest
from events.types.memo import MemoImported, MemoRewritten
from events.types.pdi import PdiImported
from events.types.trial import AttemptConcluded, TrialClosed, TrialOpened
from projections.base import Blobs
from projections.pdi.index import PdiInput
from projections.pdi.inputs import Trail, read_of

Came = Literal["solved", "failed", "unknown"]
"""``unknown``: no verdict, or nothing followed."""

_CAME: Final[Mapping[str, Came]] = {"solved": "solved", "unsolved": "failed"}

_LookedAt = TrialOpened | AttemptConcluded | TrialClosed | MemoRewritten | MemoImported | PdiImported


class ReadStep(msgspec.Struct):
    """One reflect step."""

    attempt: int
    """As the run counts: from 1; imported ones as the source counts."""
    given: PdiInput
    next: Came = "unknown"
    """What came of the next attempt that had a verdict."""


class ReadTrial(msgspec.Struct):
    """One trial."""

    run: str
    trial: str
    task: str
    steps: list[ReadStep] = []
    came: Came = "unknown"
    """What came of the trial; a run that was stopped, or is not over, has no verdict."""


class PdiTrialsState(msgspec.Struct):
    """All trials, by run and trial, in the order of the log."""

    trials: dict[str, dict[str, ReadTrial]] = {}
    following: dict[str, dict[str, Trail]] = {}


class PdiTrials:
    """The projection. It keeps whole texts: fold it for a question, and keep no snapshot."""

    name = "pdi_trials"
    revision = 2
    tags: frozenset[str] | None = frozenset(
        {"trial.opened", "trial.attempt_concluded", "trial.closed", "memo.rewritten", "memo.imported", "pdi.imported"}
    )

    def initial(self) -> PdiTrialsState:
        """No trials."""
        return PdiTrialsState()

    def state_type(self) -> type[PdiTrialsState]:
        """For snapshots."""
        return PdiTrialsState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Commands and rows of an attempt; a memo and the one before it."""
        return read_of(recorded.event)

    def apply(self, state: PdiTrialsState, recorded: Recorded, blobs: Blobs) -> PdiTrialsState:
        """Fold one event in."""
        event = recorded.event
        if not isinstance(event, _LookedAt):
            return state
        run, name = recorded.stream.run, recorded.stream.name.partition("/")[2]
        task = event.task if isinstance(event, TrialOpened) else name
        trial = state.trials.setdefault(run, {}).setdefault(name, ReadTrial(run, name, task))
        trail = state.following.setdefault(run, {}).setdefault(name, Trail())
        match event:
            case AttemptConcluded():
                trail.concluded(event, recorded.ref, blobs)
                _came_next(trial, event)
            case MemoRewritten() | MemoImported():
                saw = trail.rewritten(event, recorded.ref)
                if saw is not None:
                    trial.steps.append(ReadStep(event.attempt, trail.given(saw, blobs)))
            case PdiImported():
                trail.read(event)
            case TrialClosed():
                trial.came = _CAME.get(event.outcome, "unknown")
                del state.following[run][name]
            case TrialOpened():
                pass
        return state


def trials_of(state: PdiTrialsState) -> list[ReadTrial]:
    """List the trials that have a reflect step, in the order of the log."""
    return [trial for run in state.trials.values() for trial in run.values() if trial.steps]


def _came_next(trial: ReadTrial, event: AttemptConcluded) -> None:
    """Say of the last step what came next, once. An attempt without a verdict tells nothing."""
    if not trial.steps or trial.steps[-1].attempt >= event.attempt or trial.steps[-1].next != "unknown":
        return
    match event.outcome.kind:
        case "solved" | "failed" as kind:
            trial.steps[-1].next = kind
        case _:
            pass
