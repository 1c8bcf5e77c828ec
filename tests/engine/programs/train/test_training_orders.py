"""Trainings in which effects complete in another order: what is learnt, accepted and measured is the same."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.testing.shuffle import Shuffled
from events.digest import Digest, digest_of
from events.store.memory import MemoryLog
from replay.rerun import rerun
from tests.support.orders import CountingClock
from tests.support.training import FEW, jars, run_digest, trained, training

SEEDS = range(4)
"""Few; ``python -m benchmarks.shuffle`` tries more."""


async def lived(base: Path, seed: int | None, **changes: Any) -> tuple[dict[str, Digest], Digest]:
    """Train with effects held back as a seed says; give each stream's digest, and that of the order in which they came.

    None: nothing is held back.
    """
    log = MemoryLog(clock=CountingClock())
    between = {} if seed is None else {"between": partial(Shuffled, seed=seed)}
    report = await trained(log, base, training(**{**FEW, **changes}), **between)
    assert report.outcomes == {"train": "completed"}
    assert (await rerun(log, report.run)).complete
    names = [each.stream.name async for each in log.read()]
    return await run_digest(log, report.run), digest_of("\n".join(names).encode())


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
    plain, _ = await lived(base, None, **changes)
    lives = [await lived(base, seed, **changes) for seed in SEEDS]
    assert len({order for _, order in lives}) == len(SEEDS), "the seeds do not change the order"
    assert all(digests == plain for digests, _ in lives)
