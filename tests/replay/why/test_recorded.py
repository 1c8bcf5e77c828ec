"""The published recordings of SPARK, explained: each decision of an imported run down to the files it came from."""

from itertools import count
from pathlib import Path

import pytest

from engine.importers.spark.importer import import_spark
from events.store.memory import MemoryLog
from tests.support.causes import walked

FOLDERS = (Path(__file__).parents[3] / ".." / "shared" / "data" / "spark-trajectories").resolve()

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FOLDERS.is_dir(), reason="no recordings of SPARK on this machine"),
]


@pytest.mark.slow
async def test_why_resolves_every_digest_of_five_imported_runs() -> None:
    """Verdicts and readings of PDI, whose settings are no spec of ours but whose bytes are all there."""
    ticks = count(1)
    async with MemoryLog(clock=lambda: next(ticks)) as log:
        imported = (await import_spark(log, FOLDERS)).found
        found = [await walked(log, each.run) for each in imported[:5]]
    assert [(each.broken, each.differ) for each in found] == [([], [])] * 5
    assert min(each.chains for each in found) > 0
    assert sum(len(each.digests) for each in found) > 100
