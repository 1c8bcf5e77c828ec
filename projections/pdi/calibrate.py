"""A reference for the method ``calibrated``, fitted on recorded steps of several tasks; pure.

Means and spreads are those of all steps at which everything could be measured. The threshold is the highest at which
noise (`projections.pdi.null_model.FALSE`) triggers at most as often as asked, taken as it will be used: each task is
left out in turn, its noise is scored with the figures of the others, and the lowest threshold that any asks for is the
one. So it holds for every task that was left out, and not only on average; a task yet to come is one more of them.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from math import floor, fsum, sqrt
from typing import ClassVar, NamedTuple, TypeAlias

from events.errors import ExitCode, StillroomError
from projections.pdi.index import PdiSettings, measured
from projections.pdi.likeness import Likeness
from projections.pdi.null_model import DrawKey, Steps, in_order_drawn, show
from projections.pdi.reference import PdiReference
from projections.pdi.rng import shuffled
from projections.pdi.trials import ReadTrial

Values: TypeAlias = tuple[float, float, float]
"""Of exec, plan and oss."""
FEWEST = 3
"""Tasks: with one left out, two must remain to be scored against."""
DECIMALS = 10_000
"""Figures are stated at four decimals, and the threshold is rounded down."""


class CalibrationImpossible(StillroomError):
    """Raised when there is not enough to fit a reference on."""

    exit_code: ClassVar[ExitCode] = ExitCode.NEGATIVE

    def __init__(self, why: str) -> None:
        super().__init__(
            f"no reference can be fitted: {why}",
            remedy="name more runs: steps of at least three tasks that failed twice or more are needed on each side",
        )


class CalibrationOptions(NamedTuple):
    """What a reference shall be like."""

    false_alarm: float = 0.1
    """Share of noise that may trigger, ]0, 1[."""
    seed: int = 0
    rounds: int = 20
    """How often noise is drawn from each step, from 1."""
    likeness: Likeness = "token_overlap"


class Sample(NamedTuple):
    """What a task gives to a fit: the steps at which everything could be measured."""

    task: str
    real: tuple[Values, ...]
    order: tuple[Values, ...]
    """The same from texts in a drawn order."""


def samples(trials: Sequence[ReadTrial], wish: CalibrationOptions) -> list[Sample]:
    """Measure the trials, task by task, by name; tasks without one whole step are left out."""
    settings = measuring(wish.likeness)
    found = []
    for task in sorted({trial.task for trial in trials}):
        mine = [trial for trial in trials if trial.task == task]
        real = [_whole(show([step.given for step in trial.steps], settings)) for trial in mine]
        drawn = [
            _whole(show(in_order_drawn(trial, DrawKey(wish.seed, number)), settings))
            for trial in mine
            for number in range(wish.rounds)
        ]
        found.append(Sample(task, tuple(chain(*real)), tuple(chain(*drawn))))
    return [each for each in found if each.real]


def measuring(likeness: Likeness) -> PdiSettings:
    """Give settings that measure as ``calibrated`` does; there is nothing to score against yet."""
    nothing = PdiReference(
        likeness=likeness, exec_mean=0.0, exec_sd=1.0, plan_mean=0.0, plan_sd=1.0, oss_mean=0.0, oss_sd=1.0,
        threshold=0.0, false_alarm=0.5, source="none",
    )  # fmt: skip
    return PdiSettings(method="calibrated", reference=nothing)


def calibrated(fitted: Sequence[Sample], wish: CalibrationOptions, source: str) -> PdiReference:
    """Fit a reference.

    Args:
        fitted: What to fit it on.
        wish: What it shall be like.
        source: Where the samples come from, in words.

    Raises:
        CalibrationImpossible: There are too few tasks, or a component never varies.
    """
    if len(fitted) < FEWEST:
        raise CalibrationImpossible(f"{len(fitted)} tasks have a step at which everything could be measured")
    limits = [_limit(fitted, noise(fitted, wish), wish)]
    for left_out in fitted:
        others = [each for each in fitted if each is not left_out]
        limits += [_limit(others, drawn, wish) for drawn in _kinds(left_out, wish)]
    return _stated(_spreads(fitted), wish, floor(min(limits) * DECIMALS) / DECIMALS, source)


def noise(among: Sequence[Sample], wish: CalibrationOptions) -> list[Values]:
    """Draw noise of the kind ``values`` from some tasks together."""
    real = [each for sample in among for each in sample.real]
    return _drawn(real, wish, "+".join(sample.task for sample in among))


def rate(values: Sequence[Values], reference: PdiReference) -> float:
    """Say which share of steps triggers, [0, 1]."""
    return sum(pdi_of(each, reference.spreads) < reference.threshold for each in values) / len(values)


def pdi_of(values: Values, spreads: Sequence[tuple[float, float]]) -> float:
    """Give PDI of a step, all components weighed alike."""
    z_exec, z_plan, z_oss = ((value - mean) / sd for value, (mean, sd) in zip(values, spreads, strict=True))
    return z_exec - z_plan - z_oss


def _kinds(sample: Sample, wish: CalibrationOptions) -> Iterable[Sequence[Values]]:
    yield _drawn(sample.real, wish, sample.task)
    if sample.order:
        yield sample.order


def _drawn(real: Sequence[Values], wish: CalibrationOptions, where: str) -> list[Values]:
    columns = list(zip(*real, strict=True))
    drawn: list[Values] = []
    for number in range(wish.rounds):
        at = (wish.seed, "fit", where, number)
        drawn += zip(*(shuffled(column, *at, name) for name, column in enumerate(columns)), strict=True)
    return drawn


def _limit(against: Sequence[Sample], drawn: Sequence[Values], wish: CalibrationOptions) -> float:
    """Give the highest threshold below which at most the wished share of noise lies."""
    ordered = sorted(pdi_of(each, _spreads(against)) for each in drawn)
    return ordered[floor(wish.false_alarm * len(ordered))]


def _spreads(against: Sequence[Sample]) -> list[tuple[float, float]]:
    """Give mean and population standard deviation of each component.

    Raises:
        CalibrationImpossible: A component never varies.
    """
    found = []
    for name, column in zip(
        ("exec", "plan", "oss"), zip(*(chain(*(each.real for each in against))), strict=True), strict=True
    ):
        mean = fsum(column) / len(column)
        sd = sqrt(fsum((value - mean) ** 2 for value in column) / len(column))
        if round(sd * DECIMALS) == 0:
            raise CalibrationImpossible(f"{name} is the same at all {len(column)} steps")
        found.append((round(mean * DECIMALS) / DECIMALS, round(sd * DECIMALS) / DECIMALS))
    return found


def _stated(
    spreads: Sequence[tuple[float, float]], wish: CalibrationOptions, threshold: float, source: str
) -> PdiReference:
    (exec_mean, exec_sd), (plan_mean, plan_sd), (oss_mean, oss_sd) = spreads
    return PdiReference(
        likeness=wish.likeness,
        exec_mean=exec_mean,
        exec_sd=exec_sd,
        plan_mean=plan_mean,
        plan_sd=plan_sd,
        oss_mean=oss_mean,
        oss_sd=oss_sd,
        threshold=threshold,
        false_alarm=wish.false_alarm,
        source=source,
    )


def _whole(steps: Steps) -> list[Values]:
    """Give the components of the steps at which all three could be measured."""
    found = (measured(*step) for step in steps)
    return [(e, p, o) for e, p, o in found if e is not None and p is not None and o is not None]


def halves(tasks: Sequence[str], seed: int) -> tuple[list[str], list[str]]:
    """Split tasks into two halves, drawn; the first is the larger by one if their number is odd."""
    drawn = shuffled(sorted(tasks), seed, "halves")
    return sorted(drawn[: (len(drawn) + 1) // 2]), sorted(drawn[(len(drawn) + 1) // 2 :])
