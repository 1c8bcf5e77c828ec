"""Trainings in which effects complete in another order: what is learnt, accepted and measured is the same."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.training import jars, shuffled

SEEDS = range(4)
"""Few; ``python -m benchmarks.shuffle`` tries more."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"gate": {"name": "items"}, "shadows": {"strict": {"name": "strict"}}},
        {"gate": {"name": "paired"}, "accumulation": 2, "rate": {"mode": "autonomous"}},
    ],
    ids=["items", "paired"],
)
async def test_the_order_of_completion_decides_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    """The same bytes in every stream as when nothing is held back."""
    base = jars(tmp_path)
    plain = await shuffled(base, None, **changes)
    lives = [await shuffled(base, seed, **changes) for seed in SEEDS]
    assert len({life.order for life in lives}) == len(SEEDS), "the seeds do not change the order"
    assert all(life.digests == plain.digests and life.equal for life in lives)
