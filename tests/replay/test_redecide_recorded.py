"""The published recordings of SPARK, decided again."""

from collections import Counter
from itertools import count
from pathlib import Path

import pytest

from engine.config.changes import read_changes
from engine.importers.spark.importer import import_spark
from events.store.memory import MemoryLog
from replay.redecide import decisions
from replay.what_if.ask import ask, prepare

FOLDERS = (Path(__file__).parents[2] / ".." / "shared" / "data" / "spark-trajectories").resolve()

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FOLDERS.is_dir(), reason="no recordings of SPARK on this machine"),
]


@pytest.mark.slow
async def test_every_recorded_decision_comes_out_again() -> None:
    """73 verdicts from the source's own files, 57 readings of PDI, of which two hang on rounding, and what followed."""
    ticks = count(1)
    async with MemoryLog(clock=lambda: next(ticks)) as log:
        imported = (await import_spark(log, FOLDERS)).found
        made = [each for one in imported for each in await decisions(log, one.run)]
    assert Counter(each.point for each in made) == {"judging": 73, "pdi": 57, "intervention": 53}
    assert [(each.at, each.missing, each.differences) for each in made if not each.agrees] == []
    assert sum(each.point == "pdi" and each.entry.saw.tie is not None for each in made) == 2


@pytest.mark.slow
async def test_a_sweep_over_every_recording_is_a_frontier() -> None:
    """At SPARK's own threshold nothing flips; below it fewer readings trigger, above it more, and never otherwise."""
    ticks = count(1)
    async with MemoryLog(clock=lambda: next(ticks)) as log:
        runs = [await prepare(log, one.run) for one in (await import_spark(log, FOLDERS)).found]
        own = await ask(runs, read_changes([("pdi.threshold", "-0.5")]))
        assert (own.flips, own.left) == ((), ())
        swept = [await ask(runs, read_changes([("pdi.threshold", f"{-4 + step / 10}")])) for step in range(51)]
        other = await ask(runs, read_changes([("pdi.method", "js_divergence")]))
    rates = [each.readings.rate for each in swept]
    assert rates == sorted(rates, key=lambda rate: rate or 0.0)
    assert (rates[0], rates[-1]) != (own.readings.rate, own.readings.rate)
    assert {flip.point for flip in other.flips} == {"pdi", "intervention"}
    assert all(trial.unanswerable or not trial.left or trial.left[0].impact.attempts for trial in other.trials)
