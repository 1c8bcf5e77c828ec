"""Which items a training run rolls out, and when: the batches of each epoch, and samples beside them; pure."""

import math
from collections.abc import Sequence

from msgspec import Struct

from engine.core.seeded_order import shuffled, stream_seed
from engine.policies.training.cut import cut


class TrainingBatch(Struct, frozen=True):
    """Items that are rolled out together.

    Attributes:
        items: Names, in the order in which they are rolled out and reflected on.
        seed: Of what is drawn for this batch, the order in its minibatches.
    """

    items: tuple[str, ...]
    seed: int


class BatchRule(Struct, frozen=True):
    """How training items are cut into batches.

    Attributes:
        size: Items of a batch, 1 or more. The last one of an epoch may have fewer.
        accumulation: Batches that are rolled out and reflected on before one candidate is made of all, 1 or more.
        seed: Of all orders, any integer.
        compatible: Whether the draws are SkillOpt's, whose sample for the slow update of epoch 2 is the beginning of
            epoch 4 (W22), and which fills up an epoch that does not divide by its accumulation with items it had
            already.
            False: every order is drawn from a stream of its own, and such an epoch ends with fewer batches.
    """

    size: int = 40
    accumulation: int = 1
    seed: int = 42
    compatible: bool = False


def steps_of_epoch(rule: BatchRule, items: int) -> int:
    """Count the steps of one epoch over so many training items."""
    return math.ceil(items / (rule.size * rule.accumulation))


def plan_epoch(rule: BatchRule, items: Sequence[str], epoch: int) -> tuple[tuple[TrainingBatch, ...], ...]:
    """Plan an epoch: for each of its steps, the batches that are accumulated in it.

    Args:
        rule: How items are cut.
        items: All training items, by name, in the order of their set.
        epoch: Which one, from 1.
    """
    if rule.compatible:
        batches = _plan_compatible(rule, items, epoch)
    else:
        order = shuffled(items, stream_seed(rule.seed, "epoch", str(epoch)))
        batches = tuple(
            TrainingBatch(part, stream_seed(rule.seed, "epoch", str(epoch), "batch", str(at)))
            for at, part in enumerate(cut(order, rule.size))
        )
    return cut(batches, rule.accumulation)


def sample_for_slow_update(rule: BatchRule, items: Sequence[str], epoch: int, count: int) -> tuple[str, ...]:
    """Draw the training items on which the skills of two epochs are compared at the end of the later one."""
    return tuple(shuffled(items, _slow_seed(rule, epoch))[:count])


def order_for_top_up(rule: BatchRule, items: Sequence[str], epoch: int, had: Sequence[str]) -> tuple[str, ...]:
    """Order the training items that a comparison may go on to, when too few of its items changed."""
    seen = set(had)
    seed = _slow_seed(rule, epoch) if rule.compatible else stream_seed(rule.seed, "slow", str(epoch), "more")
    return tuple(each for each in shuffled(items, seed) if each not in seen)


def _slow_seed(rule: BatchRule, epoch: int) -> int:
    return rule.seed + 2000 * epoch if rule.compatible else stream_seed(rule.seed, "slow", str(epoch))


def _plan_compatible(rule: BatchRule, items: Sequence[str], epoch: int) -> tuple[TrainingBatch, ...]:
    base = rule.seed + 1000 * epoch
    order = shuffled(items, base)
    batches = []
    for at in range(steps_of_epoch(rule, len(items)) * rule.accumulation):
        seed = base + at + 1
        part = order[at * rule.size : (at + 1) * rule.size] or shuffled(order, seed)[: rule.size]
        batches.append(TrainingBatch(tuple(part), seed))
    return tuple(batches)
