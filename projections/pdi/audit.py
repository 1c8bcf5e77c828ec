"""How often PDI triggers on recorded steps, and how often on noise made of them; pure.

A trigger is worth what it tells apart: a rule that fires on most steps fires on most noise too (SPARK, W1).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from projections.pdi.index import PdiSettings, Reading
from projections.pdi.null_model import (
    NOISES,
    DrawKey,
    MeasuredStep,
    Noise,
    Steps,
    in_order_drawn,
    of_other_tasks,
    of_values_drawn,
    read,
    show,
)
from projections.pdi.trials import Came, ReadTrial

Made = Literal["recorded"] | Noise
"""What steps are made of: as they were recorded, or by one kind of noise."""
MADE: tuple[Made, ...] = ("recorded", *NOISES)


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Steps of one kind, of one task and at one place in a trial, under one method."""

    method: str
    """Name of the settings."""
    made: Made
    task: str
    step: int
    """Reflections before this one."""
    eligible: int
    """Steps at which a trigger was possible: from step 1 on; under ``calibrated``, where all could be measured."""
    triggered: int
    """How many of them did."""


class Foresight(msgspec.Struct, frozen=True, kw_only=True):
    """What a reading said, and what came of it."""

    method: str
    run: str
    trial: str
    task: str
    attempt: int
    pdi: float
    """As the decision saw it; the lower, the more of an alarm."""
    triggered: bool
    next: Came
    """What came of the next attempt that had a verdict."""
    came: Came
    """What came of the trial."""


def count(trials: Sequence[ReadTrial], methods: Mapping[str, PdiSettings], seed: int, rounds: int) -> list[Count]:
    """Count triggers on recorded steps and on every kind of noise.

    Args:
        trials: Whose steps to take.
        methods: Settings by name.
        seed: What noise is drawn from.
        rounds: How often each step is made into noise, from 1.
    """
    counts: list[Count] = []
    for name, settings in methods.items():
        recorded = [show([step.given for step in trial.steps], settings) for trial in trials]
        counts += _counted(name, "recorded", trials, recorded, settings)
        for made in NOISES:
            for number in range(rounds):
                drawn = _drawn(made, trials, recorded, settings, DrawKey(seed, number))
                counts += _counted(name, made, trials, drawn, settings)
    return _summed(counts)


def eligible(reading: Reading) -> bool:
    """Say whether a step may trigger at all."""
    return reading.raw_pdi is not None if reading.method == "calibrated" else reading.step >= 1 and reading.weight > 0


def foresights(trials: Iterable[ReadTrial], method: str, settings: PdiSettings) -> list[Foresight]:
    """List what eligible readings said beside what came of them."""
    found = []
    for trial in trials:
        readings = read(show([step.given for step in trial.steps], settings), settings)
        for step, reading in zip(trial.steps, readings, strict=True):
            if eligible(reading) and reading.weighted_pdi is not None:
                found.append(
                    Foresight(
                        method=method,
                        run=trial.run,
                        trial=trial.trial,
                        task=trial.task,
                        attempt=step.attempt,
                        pdi=reading.weighted_pdi,
                        triggered=reading.triggered,
                        next=step.next,
                        came=trial.came,
                    )
                )
    return found


def _drawn(
    made: Noise, trials: Sequence[ReadTrial], recorded: Sequence[Steps], settings: PdiSettings, place: DrawKey
) -> Sequence[Sequence[MeasuredStep]]:
    match made:
        case "values":
            return of_values_drawn(recorded, settings, place)
        case "order":
            return [show(in_order_drawn(trial, place), settings) for trial in trials]
        case "tasks":
            return [show(of_other_tasks(trial, trials, place), settings) for trial in trials]


def _counted(
    name: str, made: Made, trials: Sequence[ReadTrial], shown: Sequence[Steps], settings: PdiSettings
) -> Iterable[Count]:
    for trial, steps in zip(trials, shown, strict=True):
        for reading in read(steps, settings):
            if eligible(reading):
                yield Count(
                    method=name,
                    made=made,
                    task=trial.task,
                    step=reading.step,
                    eligible=1,
                    triggered=int(reading.triggered),
                )


def _summed(counts: Iterable[Count]) -> list[Count]:
    """Add up, in the order of first appearance."""
    sums: dict[tuple[str, Made, str, int], tuple[int, int]] = {}
    for each in counts:
        key = (each.method, each.made, each.task, each.step)
        before = sums.get(key, (0, 0))
        sums[key] = (before[0] + each.eligible, before[1] + each.triggered)
    return [
        Count(method=method, made=made, task=task, step=step, eligible=of, triggered=triggered)
        for (method, made, task, step), (of, triggered) in sums.items()
    ]
