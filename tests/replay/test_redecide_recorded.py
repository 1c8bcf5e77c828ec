"""The published recordings of SPARK, decided again."""

from collections import Counter
from itertools import count
from pathlib import Path

import pytest

from engine.config_changes import read_changes
from engine.importers.spark import import_spark
from events.memory import MemoryLog
from replay.redecide import decisions
from replay.what_if import ask, prepare

FOLDERS = (Path(__file__).parents[2] / ".." / "shared" / "data" / "spark-trajectories").resolve()

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FOLDERS.is_dir(), reason="no recordings of SPARK on this machine"),
]


async def test_every_recorded_decision_comes_out_again() -> None:
    """73 verdicts from the source's own files, and 57 readings of PDI, of which two hang on rounding, and say so."""
    ticks = count(1)
    async with MemoryLog(clock=lambda: next(ticks)) as log:
        imported = (await import_spark(log, FOLDERS)).found
        made = [each for one in imported for each in await decisions(log, one.run)]
    assert Counter(each.point for each in made) == {"judging": 73, "pdi": 57}
    assert [(each.at, each.missing, each.differences) for each in made if not each.agrees] == []
    assert sum(bool(each.note) for each in made) == 2


async def test_a_sweep_over_every_recording_is_a_frontier() -> None:
    """At SPARK's own threshold nothing flips; below it fewer readings trigger, above it more, and never otherwise."""
    ticks = count(1)
    async with MemoryLog(clock=lambda: next(ticks)) as log:
        runs = [await prepare(log, one.run) for one in (await import_spark(log, FOLDERS)).found]
    own = ask(runs, read_changes([("pdi.threshold", "-0.5")]))
    assert (own.flips, own.left) == ((), ())
    rates = [ask(runs, read_changes([("pdi.threshold", f"{-4 + step / 10}")])).readings.rate for step in range(51)]
    assert rates == sorted(rates, key=lambda rate: rate or 0.0)
    assert (rates[0], rates[-1]) != (own.readings.rate, own.readings.rate)
    other = ask(runs, read_changes([("pdi.method", "js_divergence")]))
    assert {flip.point for flip in other.flips} == {"pdi", "intervention"}
    assert all(trial.unanswerable or trial.left is None or trial.left.concerned.attempts for trial in other.trials)
