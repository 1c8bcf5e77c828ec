"""What selection tasks score if nobody works on them: tried by an agent that does nothing, before all else."""

import tomllib
from pathlib import Path
from shutil import copytree
from typing import Any, Final

import msgspec
import pytest

from engine.config.amend import amended
from engine.config.spec import RunSpec
from engine.config.tree import ConfigValue
from engine.core.fold import fold_run
from engine.programs.train.plan import IDLE, idle_spec
from engine.programs.train.points import DO_NOTHING
from engine.runtime.fork import Fork, fork_run
from engine.runtime.run import start_run
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.streams import arm_of_cell, family_of, trial_of
from events.types.evaluation import CellOpened, EvaluationFound
from events.types.model import ModelAsked
from events.types.training import DoNothingScored, EpochPlanned, GateDecided, RolloutsScored
from projections.training.view import Training
from replay.rerun import rerun
from tests.support.mutation import mutate
from tests.support.orders import CountingClock
from tests.support.runs import setting
from tests.support.training import DEMO, course_of, told, training
from views.runs.train_rows import training_row

PASSES: Final = "val-plain-salsify"
"""A task that is made to pass untouched."""
TASKS: Final = {"train": ["train-oils-*", "train-plain-*"], "selection": ["val-*"], "test": []}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def laid_out(folder: Path) -> Path:
    """Lay the demo's tasks out, one of which passes whatever is done."""
    base = folder / "demo"
    copytree(DEMO, base)
    (base / "tasks" / PASSES / "tests" / "test.sh").write_text("#!/bin/sh\necho 1 > /logs/verifier/reward.txt\n")
    return base


def spec_of(base: Path, **changes: Any) -> RunSpec:
    """Say what to train: an epoch of a step."""
    read = tomllib.loads((base / "tasks.toml").read_text())
    own = {**read.pop("train"), "epochs": 1, "tasks": TASKS, "remeasure": False, **changes}
    return msgspec.convert({**read, "own": own}, RunSpec)


async def lived(log: EventLog, base: Path, **changes: Any) -> str:
    """Train to the end."""
    report = await start_run(await setting(log, base), spec_of(base, **changes))
    assert report.outcomes == {"train": "completed"}
    return report.run


async def idle_cells(log: EventLog, run: str) -> list[str]:
    """Name the items that nobody worked on."""
    found = [each.event async for each in log.read(Selection(run=run, tags={"cell.opened"}))]
    return [each.item for each in found if isinstance(each, CellOpened) and each.arm == IDLE]


async def test_a_task_that_passes_untouched_counts_for_no_gate(tmp_path: Path) -> None:
    """Given one of five that passes whatever is done, the gate rests on four, and no model was asked for it."""
    log, base = MemoryLog(clock=CountingClock()), laid_out(tmp_path)
    run = await lived(log, base)
    (nothing,) = await told(log, run, DoNothingScored)
    assert (nothing.solved, nothing.measured) == ((PASSES,), 5)
    assert sorted(await idle_cells(log, run)) == sorted(each.name for each in (base / "tasks").glob("val-*"))
    ruled = [each for each in await told(log, run, GateDecided) if each.outcome != "more"]
    assert ruled
    assert {each.rows for each in ruled} == {4}
    asked = [each.stream.name async for each in log.read(Selection(run=run)) if isinstance(each.event, ModelAsked)]
    assert asked
    assert not [name for name in asked if family_of(name) == "attempt" and arm_of_cell(trial_of(name) or "") == IDLE]
    labels = [each.label for each in await told(log, run, RolloutsScored)]
    assert labels[0] == "start"
    assert IDLE not in labels
    (state,) = await fold_run(log, [Training()], run)
    assert training_row(state.runs[run]).do_nothing == 0.2
    assert (await rerun(log, run)).complete
    came = await mutate(log, run, [DO_NOTHING.name])
    assert came.mutations > 0
    assert came.found == ()


async def test_doing_nothing_is_tried_once_for_all_runs_of_a_log(tmp_path: Path) -> None:
    """A second training finds what the first one stored, whatever its skill and its optimizer are."""
    log, base = MemoryLog(clock=CountingClock()), laid_out(tmp_path)
    await lived(log, base)
    again = await lived(log, base, name="other", epochs=1)
    found = [each async for each in log.read(Selection(run=again, tags={"evaluation.found"}))]
    assert sum(
        isinstance(each.event, EvaluationFound) and each.stream.name.startswith(f"cell/{IDLE}/") for each in found
    ) == len(await idle_cells(log, again))
    (nothing,) = await told(log, again, DoNothingScored)
    assert nothing.solved == (PASSES,)


async def test_a_run_that_did_not_ask_for_it_goes_on_without(tmp_path: Path) -> None:
    """Given `idle = false`, nothing is tried, all tasks count, and a fork that asks for it is not the worse for it."""
    log, base = MemoryLog(clock=CountingClock()), laid_out(tmp_path)
    run = await lived(log, base, idle=False)
    assert await told(log, run, DoNothingScored) == []
    assert await idle_cells(log, run) == []
    assert {each.rows for each in await told(log, run, GateDecided) if each.outcome != "more"} == {5}
    first = next(each for each in await course_of(log, run) if isinstance(each.event, EpochPlanned))
    changed = amended(spec_of(base, idle=False), [ConfigValue(("train", "idle"), value=True, origin="--set")])
    report = await fork_run(await setting(log, base), Fork(run, first.position, changed.spec, ()))
    assert report.outcomes == {"train": "completed"}
    assert (await rerun(log, report.run)).complete


def test_questions_need_no_agent_for_it() -> None:
    """Without selection tasks there is nobody who does nothing."""
    assert idle_spec(training()) is None
