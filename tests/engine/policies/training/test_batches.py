"""Every item is trained on once an epoch, in orders that do not hang together."""

from itertools import chain

from engine.policies.training.batches import (
    BatchRule,
    TrainingBatch,
    order_for_top_up,
    plan_epoch,
    sample_for_slow_update,
    steps_of_epoch,
)
from engine.policies.training.minibatches import MinibatchRule
from engine.policies.training.rate import RateRule

ITEMS = tuple(f"t{each}" for each in range(10))


def _items(steps: tuple[tuple[TrainingBatch, ...], ...]) -> list[str]:
    return [item for batch in chain.from_iterable(steps) for item in batch.items]


def test_an_epoch_meets_every_item_once() -> None:
    """In another order each time, and with a last batch that may be short."""
    rule = BatchRule(size=4, seed=7)
    one, two = plan_epoch(rule, ITEMS, 1), plan_epoch(rule, ITEMS, 2)
    assert sorted(_items(one)) == sorted(_items(two)) == sorted(ITEMS)
    assert _items(one) != _items(two)
    assert [len(batch.items) for (batch,) in one] == [4, 4, 2]
    assert plan_epoch(rule, ITEMS, 1) == one
    assert plan_epoch(BatchRule(size=4, seed=8), ITEMS, 1) != one


def test_accumulated_batches_belong_to_one_step() -> None:
    """Where they do not come out even, ours has one batch less; SkillOpt's takes items again."""
    ours = plan_epoch(BatchRule(size=4, accumulation=2), ITEMS, 1)
    theirs = plan_epoch(BatchRule(size=4, accumulation=2, compatible=True), ITEMS, 1)
    assert [len(step) for step in ours] == [2, 1]
    assert [len(step) for step in theirs] == [2, 2]
    assert len(_items(theirs)) == 14
    assert steps_of_epoch(BatchRule(size=4, accumulation=2), 10) == 2
    assert steps_of_epoch(BatchRule(size=4, accumulation=2), 8) == 1
    assert steps_of_epoch(BatchRule(size=4), 9) == 3


def test_compatible_seeds_are_those_of_the_published_runs() -> None:
    """The order is of seed + 1000 epochs, each batch one more."""
    (first,), (second,) = plan_epoch(BatchRule(size=2, seed=7, compatible=True), ("a", "b", "c"), 1)
    assert (first.seed, second.seed) == (1008, 1009)
    (step, *_) = plan_epoch(BatchRule(size=4, seed=42, compatible=True), ITEMS, 2)
    assert step == (TrainingBatch(("t1", "t4", "t6", "t9"), 2043),)


def test_a_slow_sample_is_no_later_batch() -> None:
    """With SkillOpt that of epoch 2 is the beginning of epoch 4 (W22), so it is trained on what it was compared on."""
    for epoch in (1, 2, 3):
        theirs, ours = (BatchRule(size=10, compatible=each) for each in (True, False))
        later = [_items(plan_epoch(rule, ITEMS, 2 * epoch))[:4] for rule in (theirs, ours)]
        samples = [list(sample_for_slow_update(rule, ITEMS, epoch, 4)) for rule in (theirs, ours)]
        assert later[0] == samples[0]
        assert later[1] != samples[1]


def test_a_sample_is_no_larger_than_the_set() -> None:
    """It then is the set, in some order."""
    assert sorted(sample_for_slow_update(BatchRule(), ITEMS, 2, 20)) == sorted(ITEMS)
    assert len(sample_for_slow_update(BatchRule(), ITEMS, 2, 3)) == 3


def test_more_items_are_looked_at_in_an_order_of_their_own() -> None:
    """Those that were compared already are left out."""
    rule = BatchRule()
    had = sample_for_slow_update(rule, ITEMS, 2, 4)
    more = order_for_top_up(rule, ITEMS, 2, had)
    assert sorted((*had, *more)) == sorted(ITEMS)
    same = BatchRule(compatible=True)
    assert (*sample_for_slow_update(same, ITEMS, 2, 4), *order_for_top_up(same, ITEMS, 2, had[:0])[4:]) == tuple(
        sample_for_slow_update(same, ITEMS, 2, 10)
    )


def test_the_papers_settings_are_those_that_count_unless_others_are_given() -> None:
    """Batches of 40 in minibatches of 8, 4 edits a step falling to 2."""
    assert BatchRule() == BatchRule(40, 1, 42, compatible=False)
    assert MinibatchRule() == MinibatchRule(8, failure_only=False, compatible=False)
    assert RateRule(steps=40) == RateRule("cosine", 4, 2, 40, compatible=False)
