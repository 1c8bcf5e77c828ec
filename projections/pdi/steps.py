"""PDI at every reflect step of every trial, computed again under any settings, beside what was recorded.

Folds live and imported runs alike: the same rule gives the inputs, so recordings of SPARK are a test of ours and
any run can be asked what another threshold or method would have decided.
"""

from collections.abc import Mapping

import msgspec

from events.base import Recorded, Ref
from events.digest import Digest
from events.types.memo import MemoImported, MemoRewritten
from events.types.pdi import PdiImported, PdiRead
from events.types.trial import AttemptConcluded, TrialClosed, TrialOpened
from projections.base import Blobs
from projections.pdi.index import Level, Method, PdiSettings, PdiState, Reading, read_step
from projections.pdi.inputs import Trail, read_of

ACTIVE = "active"
"""Name of the monitor that decides."""
RECORDED = "imported"
"""Name of the monitor under which another system's own readings stand."""

_LookedAt = TrialOpened | AttemptConcluded | TrialClosed | MemoRewritten | MemoImported | PdiRead | PdiImported


class PdiStepRow(msgspec.Struct, frozen=True, kw_only=True):
    """PDI at one reflect step under one monitor."""

    run: str
    trial: str
    task: str
    attempt: int
    """As the run counts: from 1; imported ones as the source counts."""
    monitor: str
    """Name of the settings."""
    step: int
    method: Method | None
    """None: recorded by a system that does not say."""
    proxy_exec: float | None
    """None, here and below: there was nothing to measure."""
    proxy_plan: float | None
    proxy_oss: float | None
    raw_pdi: float | None
    weight: float
    weighted_pdi: float | None
    triggered: bool
    level: Level | None
    """None: not triggered."""
    valid: bool | None
    """None: recorded by a system that does not say."""
    reasons: tuple[str, ...]
    """Why it should not be relied upon; empty if it may be, or if nothing says."""


class TrialSteps(msgspec.Struct):
    """A trial, as far as PDI has to know it."""

    task: str
    trail: Trail = msgspec.field(default_factory=Trail)
    trackers: dict[str, PdiState] = {}
    """By name of the settings."""


class PdiStepsState(msgspec.Struct):
    """All reflect steps of all runs."""

    runs: dict[str, dict[str, TrialSteps]] = {}
    """By run and trial."""
    rows: list[PdiStepRow] = []
    """Computed here: for each reflect step one row per settings, in the order of the log."""
    recorded: list[PdiStepRow] = []
    """Read from `PdiRead` and `PdiImported`, in the order of the log."""


class PdiSteps:
    """The projection. Its name holds nothing of the settings: keep no snapshot of it under several."""

    name = "pdi_steps"
    revision = 2
    tags: frozenset[str] | None = frozenset(
        {
            "trial.opened",
            "trial.attempt_concluded",
            "trial.closed",
            "memo.rewritten",
            "memo.imported",
            "pdi.read",
            "pdi.imported",
        }
    )

    def __init__(self, settings: Mapping[str, PdiSettings]) -> None:
        """Say under which settings to compute, by the names their rows shall have."""
        self._settings = dict(settings)

    def initial(self) -> PdiStepsState:
        """No steps."""
        return PdiStepsState()

    def state_type(self) -> type[PdiStepsState]:
        """For snapshots."""
        return PdiStepsState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Commands and rows of an attempt; a memo and the one before it."""
        return read_of(recorded.event)

    def apply(self, state: PdiStepsState, recorded: Recorded, blobs: Blobs) -> PdiStepsState:
        """Fold one event in."""
        event = recorded.event
        if not isinstance(event, _LookedAt):
            return state
        run, name = recorded.stream.run, recorded.stream.name.partition("/")[2]
        trials = state.runs.setdefault(run, {})
        if isinstance(event, TrialOpened):
            trials[name] = TrialSteps(event.task)
            return state
        trial = trials.setdefault(name, TrialSteps(name))
        match event:
            case AttemptConcluded():
                trial.trail.concluded(event, recorded.ref, blobs)
            case MemoRewritten() | MemoImported():
                state.rows += self._rewritten(TrialKey(run, name, trial), event, recorded.ref, blobs)
            case PdiImported():
                trial.trail.read(event)
                state.recorded.append(_imported_row(TrialKey(run, name, trial), event))
            case PdiRead():
                state.recorded.append(_read_row(TrialKey(run, name, trial), event))
            case TrialClosed():
                trial.trail.over()
                trial.trackers = {}
        return state

    def _rewritten(
        self, place: "TrialKey", event: MemoRewritten | MemoImported, at: Ref, blobs: Blobs
    ) -> list[PdiStepRow]:
        """Compute the rows of a reflect step."""
        trial, rows = place.trial, list[PdiStepRow]()
        saw = trial.trail.rewritten(event, at)
        if saw is None:
            return []
        given = trial.trail.given(saw, blobs)
        for name, settings in self._settings.items():
            trial.trackers[name], reading = read_step(trial.trackers.get(name, PdiState()), given, settings)
            rows.append(_computed_row(place, event.attempt, name, reading))
        return rows


class TrialKey(msgspec.Struct, frozen=True):
    """Which trial of which run a row is about."""

    run: str
    name: str
    trial: TrialSteps


def _computed_row(place: TrialKey, attempt: int, monitor: str, reading: Reading) -> PdiStepRow:
    return _row(place, attempt, monitor, reading, (reading.method, reading.valid, reading.reasons))


def _read_row(place: TrialKey, event: PdiRead) -> PdiStepRow:
    return _row(place, event.attempt, event.monitor, event, (event.method, event.valid, event.reasons))


def _imported_row(place: TrialKey, event: PdiImported) -> PdiStepRow:
    return _row(place, event.attempt, RECORDED, event, (None, None, ()))


_Judged = tuple[Method | None, bool | None, tuple[str, ...]]


def _row(
    place: TrialKey, attempt: int, monitor: str, reading: Reading | PdiRead | PdiImported, judged: _Judged
) -> PdiStepRow:
    method, valid, reasons = judged
    return PdiStepRow(
        run=place.run,
        trial=place.name,
        task=place.trial.task,
        attempt=attempt,
        monitor=monitor,
        step=reading.step,
        method=method,
        proxy_exec=reading.proxy_exec,
        proxy_plan=reading.proxy_plan,
        proxy_oss=reading.proxy_oss,
        raw_pdi=reading.raw_pdi,
        weight=reading.weight,
        weighted_pdi=reading.weighted_pdi,
        triggered=reading.triggered,
        level=reading.level,
        valid=valid,
        reasons=reasons,
    )
