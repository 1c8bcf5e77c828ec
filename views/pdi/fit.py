"""Fitting a reference for the method ``calibrated`` on runs of a log, and writing it as a spec states it."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.config.template import toml
from engine.core.fold import fold
from events.digest import digest_of
from events.store.base import Selection
from projections.pdi.calibrate import CalibrationOptions, Sample, calibrated, samples
from projections.pdi.null_model import FALSE
from projections.pdi.reference import PdiReference
from projections.pdi.trials import PdiTrials, PdiTrialsState, ReadTrial, trials_of
from views.terminal.ids import find_run
from views.terminal.log_access import OpenedLog

TABLE = "method.pdi.active"
"""Where a spec names the monitor that decides."""


class CalibrationRow(msgspec.Struct, frozen=True):
    """A reference, and what it was fitted on."""

    likeness: Literal["token_overlap", "js_divergence"]
    exec_mean: float
    exec_sd: float
    plan_mean: float
    plan_sd: float
    oss_mean: float
    oss_sd: float
    threshold: float
    false_alarm: float
    source: str
    runs: tuple[str, ...]
    tasks: tuple[str, ...]
    """Those with a step at which everything could be measured."""
    steps: int
    noise: tuple[str, ...]
    """On which kinds of noise the threshold keeps to its rate."""
    seed: int
    rounds: int
    texts: str
    """Digest of all that was read, as JSON."""


async def tell(desk: OpenedLog, runs: Sequence[str], wish: CalibrationOptions) -> None:
    """Fit a reference on runs, and show it.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or several.
        CalibrationImpossible: There is too little to fit on.
    """
    trials = await read_trials(desk, runs)
    found = samples(trials, wish)
    reference = calibrated(found, wish, source_of(trials, found, wish))
    desk.screen.draw(_row(trials, found, wish, reference), render)


async def read_trials(desk: OpenedLog, runs: Sequence[str]) -> list[ReadTrial]:
    """Read the trials of some runs, or of all if none is named, that have a reflect step.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or several.
    """
    if not runs:
        return trials_of(await fold(desk.log, PdiTrials(), Selection()))
    state = PdiTrialsState()
    for run in [await find_run(desk.log, each) for each in runs]:
        state.trials |= (await fold(desk.log, PdiTrials(), Selection(run=run))).trials
    return trials_of(state)


def source_of(trials: Sequence[ReadTrial], found: Sequence[Sample], wish: CalibrationOptions) -> str:
    """Say in words what a fit rests on."""
    steps = sum(len(each.real) for each in found)
    runs = len({trial.run for trial in trials})
    return (
        f"{steps} steps of {len(found)} tasks in {runs} runs, texts {_texts(trials)[:12]}; "
        f"noise {' and '.join(FALSE)}, seed {wish.seed}, {wish.rounds} rounds"
    )


def _texts(trials: Sequence[ReadTrial]) -> str:
    given = sorted((trial.run, trial.trial, [step.given for step in trial.steps]) for trial in trials)
    return digest_of(msgspec.json.encode(given))


def _row(
    trials: Sequence[ReadTrial], found: Sequence[Sample], wish: CalibrationOptions, reference: PdiReference
) -> CalibrationRow:
    return CalibrationRow(
        **msgspec.structs.asdict(reference),
        runs=tuple(dict.fromkeys(trial.run for trial in trials)),
        tasks=tuple(each.task for each in found),
        steps=sum(len(each.real) for each in found),
        noise=FALSE,
        seed=wish.seed,
        rounds=wish.rounds,
        texts=_texts(trials),
    )


def render(row: CalibrationRow) -> RenderableType:
    """Write it as a spec takes it."""
    keys = [f"{name} = {toml(getattr(row, name))}" for name in PdiReference.__struct_fields__]
    lines = [f"[{TABLE}]", 'method = "calibrated"', "", f"[{TABLE}.reference]", *keys]
    return Group(*(Text(line) for line in lines))
