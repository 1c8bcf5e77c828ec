"""The published recordings of SPARK, decided again."""

from collections import Counter
from itertools import count
from pathlib import Path

import pytest

from engine.importers.spark import import_spark
from events.memory import MemoryLog
from replay.redecide import decisions

FOLDERS = (Path(__file__).parents[2] / ".." / "shared" / "data" / "spark-trajectories").resolve()

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FOLDERS.is_dir(), reason="no recordings of SPARK on this machine"),
]


async def test_every_recorded_decision_comes_out_again() -> None:
    """73 verdicts from the source's own files, and 57 readings of PDI, of which two hang on rounding, and say so."""
    ticks = count(1)
    async with MemoryLog(clock=lambda: next(ticks)) as log:
        imported = await import_spark(log, FOLDERS)
        made = [each for one in imported for each in await decisions(log, one.run)]
    assert Counter(each.point for each in made) == {"judging": 73, "pdi": 57}
    assert [(each.at, each.missing, each.differences) for each in made if not each.agrees] == []
    assert sum(bool(each.note) for each in made) == 2
