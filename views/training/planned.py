"""How many rollouts and calls of the optimizer a training leads to at least and at most; pure."""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Final, Literal, NamedTuple

from engine.policies.training.batches import BatchRule, plan_epoch
from engine.programs.train.gate_points import placebos_in
from engine.programs.train.spec import TrainSpec

Who = Literal["target", "optimizer", "nobody"]


class Range(NamedTuple):
    """From the least to the most."""

    least: int
    most: int

    def times(self, number: int) -> "Range":
        """Give that of so many."""
        return Range(self.least * number, self.most * number)


class SetSizes(NamedTuple):
    """Items of each set."""

    train: tuple[str, ...]
    """By name, in the order of the set."""
    selection: int
    counted: int
    """Selection items that a gate counts: those that are not right if nobody works on them."""
    test: int
    tried: int = 0
    """Selection tasks that are tried without doing anything."""


class PlannedStage(NamedTuple):
    """A stage of a training."""

    stage: str
    who: Who
    amount: Range
    """Rollouts of the target, or calls of the optimizer; without calls that are made again."""


class GateCost(NamedTuple):
    """What a gate may run of each candidate."""

    paired: bool
    """Whether the skill in force is run beside it."""
    rounds: int
    """How often it may run items again."""


def batch_rule(settings: TrainSpec, *, compatible: bool) -> BatchRule:
    """Say how epochs are cut."""
    return BatchRule(settings.batch, settings.accumulation, settings.seed, compatible)


def steps_in(settings: TrainSpec, sizes: SetSizes, *, compatible: bool) -> list[list[int]]:
    """Give the sizes of the batches of each step, over all epochs."""
    rule = batch_rule(settings, compatible=compatible)
    return [
        [len(batch.items) for batch in step]
        for epoch in range(1, settings.epochs + 1)
        for step in plan_epoch(rule, sizes.train, epoch)
    ]


def stages(settings: TrainSpec, sizes: SetSizes, gate: GateCost, *, compatible: bool) -> Iterator[PlannedStage]:
    """List the stages of a training, in the order in which they come first."""
    steps = steps_in(settings, sizes, compatible=compatible)
    passes = Range(0, sizes.counted * (1 + gate.paired) * (1 + gate.rounds))
    compared = max(0, settings.epochs - 1) if settings.slow.on or settings.meta else 0
    advised = compared if settings.slow.on else 0
    gated = advised if (not compatible if settings.slow.gate is None else settings.slow.gate) else 0
    if sizes.tried:
        yield PlannedStage("do nothing", "nobody", Range(sizes.tried, sizes.tried))
    yield PlannedStage("first pass", "target", Range(sizes.selection, sizes.selection))
    rolled = sum(map(sum, steps))
    yield PlannedStage("rollouts", "target", Range(rolled, rolled))
    yield PlannedStage("gate", "target", passes.times(len(steps) + gated))
    placebos = placebos_in(settings, len(steps))
    if placebos:
        yield PlannedStage("placebos", "target", passes.times(placebos))
    sample = 2 * min(settings.slow.samples, len(sizes.train)) * compared
    if compared:
        most = 2 * len(sizes.train) * compared if settings.slow.policy == "changed" else sample
        yield PlannedStage("epochs compared", "target", Range(sample, most))
    again = Range(sizes.selection, 2 * sizes.selection) if settings.remeasure else Range(0, 0)
    tested = Range(sizes.test, 3 * sizes.test) if settings.test else Range(0, 0)
    yield PlannedStage("measured again", "target", again)
    yield PlannedStage("test", "target", tested)
    yield from _optimizer(settings, steps)
    if compared:
        asked = int(settings.slow.on) + int(settings.meta)
        yield PlannedStage("slow update, meta skill", "optimizer", Range(0, asked * compared))


def _optimizer(settings: TrainSpec, steps: list[list[int]]) -> Iterator[PlannedStage]:
    reflections = [sum(_reflections(settings, size) for size in step) for step in steps]
    least = 0 if settings.failure_only else sum(ceil(sum(step) / settings.minibatch) for step in steps)
    yield PlannedStage("reflect", "optimizer", Range(least, sum(reflections)))
    merges = sum(1 + merges_of(each, settings.merge_batch) for each in reflections)
    yield PlannedStage("merge", "optimizer", Range(0, merges))
    beside = int(settings.rate.mode == "autonomous") + int(settings.update == "rewrite")
    ranked = int(settings.update != "full_rewrite" and settings.rate.mode != "none")
    yield PlannedStage("rank, rate, rewrite", "optimizer", Range(0, (beside + ranked) * len(steps)))
    if settings.skill_aware and settings.consolidate:
        yield PlannedStage("appendix", "optimizer", Range(0, len(steps)))


def _reflections(settings: TrainSpec, size: int) -> int:
    """Count the reflections on a batch at most: failures and successes are cut each by themselves."""
    whole = ceil(size / settings.minibatch)
    return whole if settings.failure_only or size < 2 else whole + 1


def merges_of(lists: int, at_a_time: int) -> int:
    """Count the merges that make one list of several."""
    calls = 0
    while lists > 1:
        groups, rest = divmod(lists, at_a_time)
        calls += groups + (rest > 1)
        lists = groups + (rest > 0)
    return calls


TOTALS: Final[Mapping[Who, str]] = {"target": "rollouts", "optimizer": "calls of the optimizer"}
