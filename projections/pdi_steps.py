"""PDI at every reflect step of every trial, computed again under any settings, beside what was recorded.

Folds live and imported runs alike: the same rule gives the inputs, so recordings of SPARK are a test of ours and
any run can be asked what another threshold or method would have decided.
"""

from collections.abc import Mapping

import msgspec

from events.base import Recorded
from events.digest import Digest
from events.memo import MemoImported, MemoRewritten
from events.pdi import PdiImported, PdiRead
from events.trial import AttemptConcluded, TrialClosed, TrialOpened
from projections.base import Blobs
from projections.pdi import Level, Method, PdiInput, PdiSettings, PdiState, Reading, read_step
from projections.pdi_health import healthy

RECORDED = "imported"
"""Name of the monitor under which another system's own readings stand."""

_LookedAt = TrialOpened | AttemptConcluded | TrialClosed | MemoRewritten | MemoImported | PdiRead | PdiImported


class StepRow(msgspec.Struct, frozen=True, kw_only=True):
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


class Concluded(msgspec.Struct):
    """What PDI is given of an attempt."""

    attempt: int
    commands: str
    summary: str


class TrialSteps(msgspec.Struct):
    """A trial, as far as PDI has to know it."""

    task: str
    archived: int = 0
    """Memos that were replaced by others; an empty one never counts."""
    last: Concluded | None = None
    """None: no attempt yet, or the trial is over."""
    previous_summary: str = ""
    """Of the attempt before the last one."""
    imported_step: tuple[int, int] | None = None
    """Attempt and step of the last imported reading. It stands before its memo."""
    trackers: dict[str, PdiState] = {}
    """By name of the settings."""


class PdiStepsState(msgspec.Struct):
    """All reflect steps of all runs."""

    runs: dict[str, dict[str, TrialSteps]] = {}
    """By run and trial."""
    rows: list[StepRow] = []
    """Computed here: for each reflect step one row per settings, in the order of the log."""
    recorded: list[StepRow] = []
    """Read from `PdiRead` and `PdiImported`, in the order of the log."""


class PdiSteps:
    """The projection. Its name holds nothing of the settings: keep no snapshot of it under several."""

    name = "pdi_steps"
    revision = 1
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
        match recorded.event:
            case AttemptConcluded() as event:
                return (event.commands, event.test_summary)
            case MemoRewritten() | MemoImported() as event:
                return (event.memo,) if event.previous is None else (event.memo, event.previous)
            case _:
                return ()

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
                concluded(trial, event, blobs)
            case MemoRewritten() | MemoImported():
                state.rows += self._rewritten(Place(run, name, trial), event, blobs)
            case PdiImported():
                trial.imported_step = (event.attempt, event.step)
                state.recorded.append(_imported_row(Place(run, name, trial), event))
            case PdiRead():
                state.recorded.append(_read_row(Place(run, name, trial), event))
            case TrialClosed():
                trial.last, trial.previous_summary, trial.trackers = None, "", {}
        return state

    def _rewritten(self, place: "Place", event: MemoRewritten | MemoImported, blobs: Blobs) -> list[StepRow]:
        """Compute the rows of a reflect step."""
        trial, given = place.trial, given_to_read(place.trial, event, blobs)
        if given is None:
            return []
        rows = []
        for name, settings in self._settings.items():
            trial.trackers[name], reading = read_step(trial.trackers.get(name, PdiState()), given, settings)
            rows.append(_computed_row(place, event.attempt, name, reading))
        return rows


class Place(msgspec.Struct, frozen=True):
    """Which trial of which run a row is about."""

    run: str
    name: str
    trial: TrialSteps


def concluded(trial: TrialSteps, event: AttemptConcluded, blobs: Blobs) -> None:
    """Take note of what PDI is given of an attempt."""
    trial.previous_summary = trial.last.summary if trial.last else ""
    trial.last = Concluded(event.attempt, _text(blobs, event.commands), _text(blobs, event.test_summary))


def given_to_read(trial: TrialSteps, event: MemoRewritten | MemoImported, blobs: Blobs) -> PdiInput | None:
    """Give what a reflect step gives to read. None: no model wrote that memo; it is archived and not read."""
    memo, previous = _text(blobs, event.memo), "" if event.previous is None else _text(blobs, event.previous)
    trial.archived += bool(previous)
    if isinstance(event, MemoImported) and not event.reflected:
        return None
    return PdiInput(
        memo=memo,
        previous_memo=previous,
        commands=trial.last.commands if trial.last else "",
        summary=trial.last.summary if trial.last else "",
        previous_summary=trial.previous_summary,
        step=_step(trial, event.attempt),
        healthy=healthy(memo),
    )


def _step(trial: TrialSteps, attempt: int) -> int:
    """Give the step: what an imported reading of this attempt says (older rules began at -1), else ours."""
    if trial.imported_step is not None and trial.imported_step[0] == attempt:
        return trial.imported_step[1]
    return trial.archived


def _text(blobs: Blobs, digest: Digest) -> str:
    return blobs[digest].decode("utf-8", "replace")


def _computed_row(place: Place, attempt: int, monitor: str, reading: Reading) -> StepRow:
    return _row(place, attempt, monitor, reading, (reading.method, reading.valid, reading.reasons))


def _read_row(place: Place, event: PdiRead) -> StepRow:
    return _row(place, event.attempt, event.monitor, event, (event.method, event.valid, event.reasons))


def _imported_row(place: Place, event: PdiImported) -> StepRow:
    return _row(place, event.attempt, RECORDED, event, (None, None, ()))


_Judged = tuple[Method | None, bool | None, tuple[str, ...]]


def _row(
    place: Place, attempt: int, monitor: str, reading: Reading | PdiRead | PdiImported, judged: _Judged
) -> StepRow:
    method, valid, reasons = judged
    return StepRow(
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
