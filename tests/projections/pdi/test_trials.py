"""What PDI was given and what came of it, folded from the log: the very inputs that readings are made of."""

from pathlib import Path

from engine.core.fold import fold
from engine.importers.spark.importer import import_spark
from events.store.base import Selection
from projections.pdi.compare import read_all
from projections.pdi.index import PdiSettings
from projections.pdi.steps import PdiSteps
from projections.pdi.trials import PdiTrials, trials_of
from tests.support.reflected import trials, write_spark
from tests.support.worlds import memory_log


async def test_trials_come_out_of_the_log_as_they_went_in(tmp_path: Path) -> None:
    """Every text, what came of the next attempt, and what came of the trial."""
    log = memory_log()
    await import_spark(log, write_spark(tmp_path, 3))
    found = trials_of(await fold(log, PdiTrials(), Selection()))
    assert [(trial.task, trial.steps) for trial in found] == [(made.task, made.steps) for made in trials(3)]
    # A recording that just ends was stopped: nobody said that it failed.
    assert [trial.came for trial in found] == ["solved", "unknown", "solved"]


async def test_reading_them_gives_what_the_fold_of_readings_gives(tmp_path: Path) -> None:
    """Two projections, one rule for the inputs."""
    log = memory_log()
    await import_spark(log, write_spark(tmp_path, 2))
    settings = PdiSettings()
    rows = (await fold(log, PdiSteps({"again": settings}), Selection())).rows
    found = trials_of(await fold(log, PdiTrials(), Selection()))
    readings = [reading for trial in found for reading in read_all([step.given for step in trial.steps], settings)]
    assert [row.weighted_pdi for row in rows] == [reading.weighted_pdi for reading in readings]


async def test_a_trial_that_is_over_leaves_nothing_that_is_still_followed(tmp_path: Path) -> None:
    """Only what is asked for is kept."""
    log = memory_log()
    await import_spark(log, write_spark(tmp_path, 2))
    assert all(not run for run in (await fold(log, PdiTrials(), Selection())).following.values())
