"""How each trial went, attempt by attempt: rewards, PDI, and what was done about it, folded from the log.

What a figure of dynamics draws (SPARK's case 2), of live and imported runs alike, and of every arm of an evaluation.
"""

from typing import Literal

import msgspec

from events.base import Recorded
from events.digest import Digest
from events.streams import attempt_of, trial_of
from events.types.attempt import InjectionImported
from events.types.pdi import InterventionChosen, PdiImported, PdiRead
from events.types.skill import SkillImported, SkillRevised
from events.types.trial import AttemptConcluded, AttemptPlanned, TrialClosed, TrialOpened
from projections.base import Blobs
from projections.pdi.index import Level, PdiSettings
from projections.pdi.steps import ACTIVE


class DynamicsReading(msgspec.Struct, frozen=True, kw_only=True):
    """PDI after an attempt."""

    pdi: float | None
    """Weighted: what is compared with the threshold. None: there was nothing to measure."""
    threshold: float | None
    """PDI triggers below it; of an imported run the constant of SPARK. None: the settings cannot be read."""
    level: Level | None
    """None: not triggered."""
    valid: bool | None
    """None: the source does not say."""


class AttemptPoint(msgspec.Struct, kw_only=True):
    """One attempt."""

    number: int
    """As the run counts: from 1; imported ones as the source counts."""
    outcome: Literal["solved", "failed", "no_verdict", "infrastructure"] | None = None
    """None: it has not ended."""
    reward: float | None = None
    """In the verifier's own unit. None: there is none."""
    intervention: Literal["none", "soft", "strong"] | None = None
    """What it was told. None: unknown."""
    reading: DynamicsReading | None = None
    """After it. None: nothing was reflected upon."""


class TrialDynamics(msgspec.Struct, kw_only=True):
    """One trial."""

    run: str
    trial: str
    task: str
    mode: Literal["off", "observe", "intervene"] | None = None
    """Whether PDI acts, as of the last time it was asked. None: it never was, or the source does not say."""
    outcome: str | None = None
    """How the trial ended. None: it has not."""
    skill: bool = False
    """Whether it left a skill."""
    attempts: dict[str, AttemptPoint] = {}
    """By number, written as text: keys of JSON objects are texts."""

    def points(self) -> list[AttemptPoint]:
        """List the attempts in order."""
        return sorted(self.attempts.values(), key=lambda each: each.number)


class DynamicsState(msgspec.Struct):
    """All trials, by run and trial, in the order of the log."""

    runs: dict[str, dict[str, TrialDynamics]] = {}


class Dynamics:
    """The projection."""

    name = "dynamics"
    revision = 1
    tags: frozenset[str] | None = frozenset(
        {
            "trial.opened",
            "trial.attempt_planned",
            "trial.attempt_concluded",
            "trial.closed",
            "attempt.injection_imported",
            "pdi.read",
            "pdi.imported",
            "pdi.intervention_chosen",
            "skill.revised",
            "skill.imported",
        }
    )

    def initial(self) -> DynamicsState:
        """No trials."""
        return DynamicsState()

    def state_type(self) -> type[DynamicsState]:
        """For snapshots."""
        return DynamicsState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Settings of a reading: they hold the threshold."""
        event = recorded.event
        return (event.settings,) if isinstance(event, PdiRead) and event.monitor == ACTIVE else ()

    def apply(self, state: DynamicsState, recorded: Recorded, blobs: Blobs) -> DynamicsState:
        """Fold one event in."""
        run, name = recorded.stream.run, trial_of(recorded.stream.name)
        if name is None:
            return state
        if isinstance(recorded.event, TrialOpened):
            opened = TrialDynamics(run=run, trial=name, task=recorded.event.task)
            state.runs.setdefault(run, {})[name] = opened
            return state
        trial = state.runs.get(run, {}).get(name)
        if trial is not None:
            _follow(trial, recorded, blobs)
        return state


def _follow(trial: TrialDynamics, recorded: Recorded, blobs: Blobs) -> None:
    match recorded.event:
        case InterventionChosen() as chosen:
            trial.mode = chosen.mode
        case TrialClosed() as closed:
            trial.outcome = closed.outcome
        case SkillRevised() | SkillImported():
            trial.skill = True
        case PdiRead() | PdiImported() as read:
            _read(trial, read, blobs)
        case _:
            _attempt(trial, recorded)


def _attempt(trial: TrialDynamics, recorded: Recorded) -> None:
    match recorded.event:
        case AttemptPlanned() as planned:
            _point(trial, planned.attempt).intervention = planned.intervention
        case InjectionImported() as told:
            number = attempt_of(recorded.stream.name)
            if number is not None:
                _point(trial, number).intervention = told.intervention
        case AttemptConcluded() as concluded:
            point = _point(trial, concluded.attempt)
            point.outcome, point.reward = concluded.outcome.kind, concluded.outcome.reward
        case _:
            pass


def _read(trial: TrialDynamics, read: PdiRead | PdiImported, blobs: Blobs) -> None:
    limit: float | None = PdiSettings().limit
    valid = None
    if isinstance(read, PdiRead):
        if read.monitor != ACTIVE:
            return
        limit, valid = _limit(blobs[read.settings]), read.valid
    _point(trial, read.attempt).reading = DynamicsReading(
        pdi=read.weighted_pdi, threshold=limit, level=read.level, valid=valid
    )


def _limit(settings: bytes) -> float | None:
    try:
        return msgspec.json.decode(settings, type=PdiSettings).limit
    except msgspec.MsgspecError:
        return None


def _point(trial: TrialDynamics, number: int) -> AttemptPoint:
    return trial.attempts.setdefault(str(number), AttemptPoint(number=number))
