"""Stories of order: whatever completes first, a run is the same, unless it is something that must be shared out."""

from pathlib import Path

import pytest

from tests.support.orders import FREE, TRIALS, base_of, distinct, lived, tight

SEEDS = range(12)
"""Few, so that they take a second; ``python -m benchmarks.shuffle --seeds 300`` tries more."""


@pytest.mark.slow
async def test_the_order_of_completion_decides_nothing_while_there_is_enough_for_all(tmp_path: Path) -> None:
    """Twelve orders, and the same bytes in every stream."""
    base = base_of(tmp_path)
    lives = [await lived(base, FREE, seed) for seed in SEEDS]
    assert distinct(lives, lambda life: life.order) == len(SEEDS), "the seeds do not change the order"
    assert distinct(lives, lambda life: life.digests) == 1
    assert all(life.outcomes == dict.fromkeys(TRIALS, "solved") for life in lives)
    assert all(life.equal for life in lives)


@pytest.mark.slow
async def test_a_budget_that_trials_race_for_is_shared_out_differently_and_each_rerun_is_equal(tmp_path: Path) -> None:
    """Who came first got the money; that is recorded, so it never has to be found out again."""
    base = base_of(tmp_path)
    lives = [await lived(base, tight(), seed) for seed in SEEDS]
    assert distinct(lives, lambda life: life.outcomes) > 1, "nobody raced for the money"
    assert all("budget" in life.outcomes.values() for life in lives)
    assert all(life.equal for life in lives)
