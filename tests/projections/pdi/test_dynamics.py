"""How trials went, attempt by attempt, folded from runs of ours, of an earlier version, and of SPARK."""

from pathlib import Path

import pytest

from engine.core.fold import fold
from engine.importers.spark.importer import import_spark
from events.bundle.copy import copy
from events.bundle.source import BundleSource
from events.bundle.verify import require_sound
from events.store.base import EventLog, Selection
from projections.pdi.dynamics import Dynamics, TrialDynamics
from tests.support.reflected import write_spark
from tests.support.worlds import memory_log

GOLDEN = Path(__file__).parents[2] / "golden"
SHARED = Path(__file__).parents[4] / "shared" / "data" / "spark-trajectories"


async def dynamics(log: EventLog) -> list[TrialDynamics]:
    """Fold a log."""
    state = await fold(log, Dynamics(), Selection())
    return [trial for run in state.runs.values() for trial in run.values()]


@pytest.mark.parametrize("bundle", ["demo.bundle", "demo-323f770.bundle"])
async def test_a_trial_is_told_at_the_attempt_after_a_trigger(bundle: str) -> None:
    """Reward, reading with its threshold, and what the next attempt was told: also of the first version's logs."""
    log = memory_log()
    async with await BundleSource.open(GOLDEN / bundle) as source:
        await copy(source, log, (await require_sound(source)).runs)
    found = {trial.task: trial for trial in await dynamics(log)}
    trial = found["errors-per-hour"]
    points = trial.points()
    assert [(each.number, each.reward) for each in points] == [(1, 0.0), (2, 0.0), (3, 0.0), (4, 1.0)]
    assert [each.intervention for each in points] == ["none", "none", "soft", "strong"]
    readings = [each.reading for each in points]
    assert [reading and reading.level for reading in readings] == [None, "soft", "strong", None]
    assert [reading and reading.threshold for reading in readings] == [-0.5, -0.5, -0.5, None]
    assert readings[3] is None
    assert (trial.mode, trial.outcome, trial.skill) == ("intervene", "solved", True)
    lost = found["file-manifest"]
    assert [(each.outcome, each.reward) for each in lost.points()] == [("infrastructure", None)] * 2
    assert not lost.skill


async def test_a_run_of_spark_is_read_alike(tmp_path: Path) -> None:
    """Its attempts are counted from 0, and nothing says whether its readings are valid."""
    log = memory_log()
    await import_spark(log, write_spark(tmp_path, 1, steps=3))
    (trial,) = await dynamics(log)
    assert [each.number for each in trial.points()] == [0, 1, 2, 3]
    assert (trial.mode, trial.outcome) == (None, "solved")
    assert [each.outcome for each in trial.points()] == ["failed"] * 3 + ["solved"]


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="the trajectories are not beside the checkout")
async def test_case_2_of_spark_has_the_values_that_were_published() -> None:
    """3d-scan-calc, whose recovery from -0.30 to 1.09 is in the published panel; it passes at the ninth attempt."""
    log = memory_log()
    await import_spark(log, SHARED / "3d-scan-calc")
    (trial,) = await dynamics(log)
    readings = [each.reading.pdi for each in trial.points() if each.reading and each.reading.pdi is not None]
    assert [round(value, 2) for value in readings[5:7]] == [-0.3, 1.09]
    assert [each.number for each in trial.points() if each.outcome == "solved"] == [8]
    assert [each.intervention for each in trial.points()][4:6] == ["soft", "strong"]
