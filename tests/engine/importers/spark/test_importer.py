"""The published recordings of SPARK, imported whole: twenty tasks whose every number is known."""

import json
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.core.fold import fold_many
from engine.importers.spark.importer import ImportedSparkTask, import_spark
from engine.importers.streams import ALREADY
from events.store.memory import MemoryLog
from events.types.attempt import ImportedAttempt
from events.types.model import ModelImported
from events.types.pdi import PdiImported
from events.types.run import RunImported
from events.types.sandbox import ActionAsked, ActionObserved
from events.types.trial import AttemptConcluded, TrialClosed
from projections.pdi.index import PdiSettings
from projections.pdi.steps import PdiStepRow, PdiSteps, PdiStepsState
from projections.trials.state import TrialsState
from projections.trials.view import Trials

SHARED = (Path(__file__).parents[4] / ".." / "shared").resolve()
FOLDERS = SHARED / "data" / "spark-trajectories"
VECTORS = SHARED / "vectors" / "spark_pdi.json"
VALUES = ("proxy_exec", "proxy_plan", "proxy_oss", "raw_pdi")
METHODS = {"token_overlap": "recomputed_token_overlap", "js_divergence": "recomputed_js_divergence"}
WATCHED = {
    "token_overlap": PdiSettings(),
    "js_divergence": PdiSettings(method="js_divergence"),
}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not VECTORS.is_file(), reason="no recordings of SPARK on this machine"),
]


class SparkLog(NamedTuple):
    """A log that holds the recordings, and what is folded from it."""

    log: MemoryLog
    imported: dict[str, ImportedSparkTask]
    steps: PdiStepsState
    trials: TrialsState

    def rows(self, task: str, monitor: str | None) -> list[PdiStepRow]:
        """Rows of a task under a monitor; those that were recorded if it is None."""
        rows = self.steps.recorded if monitor is None else self.steps.rows
        return [row for row in rows if row.task == task and (monitor is None or row.monitor == monitor)]


@pytest.fixture
async def world() -> AsyncIterator[SparkLog]:
    """Import all twenty."""
    ticks = count(1)
    async with MemoryLog(clock=lambda: next(ticks)) as log:
        imported = (await import_spark(log, FOLDERS)).found
        steps, trials = await fold_many(log, [PdiSteps(WATCHED), Trials()])
        yield SparkLog(log, {each.task: each for each in imported}, steps, trials)


@pytest.mark.slow
async def test_every_folder_becomes_a_run(world: SparkLog) -> None:
    """None is lost, each is its own run, and only what is missing or huge is warned of."""
    assert set(world.imported) == set(_vectors())
    assert len({each.run for each in world.imported.values()}) == 20
    warned = {task: each.warnings for task, each in world.imported.items() if each.warnings}
    stopped = ("attempts.json: is missing; the task counts as stopped unless it was solved",)
    assert warned == {
        "3d-scan-calc": ("trajectory.jsonl line 18: the memo has 245253 characters; it is kept as it is",),
        "crystallographic-wyckoff-position-analysis": stopped,
        "find-topk-similiar-chemicals": stopped,
        "jpg-ocr-stat": stopped,
        "manufacturing-codebook-normalization": ("trajectory.jsonl: is missing; what attempts.json holds is read",),
        "mhc-layer-impl": stopped,
    }


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
async def test_pdi_is_the_one_that_is_known(world: SparkLog, method: str) -> None:
    """Every value of every step to four decimals, and every decision that rounding does not take."""
    compared = 0
    for task, vector in _vectors().items():
        rows, known = world.rows(task, method), vector[METHODS[method]]
        recorded = vector["recorded"]["history"]
        assert len(rows) == len(known) == len(world.rows(task, None))
        for row, wanted, seen in zip(rows, known, recorded, strict=True):
            _same(row, _as_recorded(wanted, seen))
            compared += 1
    assert compared == 57


@pytest.mark.slow
async def test_recorded_pdi_stands_beside(world: SparkLog) -> None:
    """As the source rounded it, whatever we compute."""
    for task, vector in _vectors().items():
        for row, seen in zip(world.rows(task, None), vector["recorded"]["history"], strict=True):
            fields = (*VALUES, "weight", "weighted_pdi", "step", "triggered", "level")
            assert [getattr(row, name) for name in fields] == [seen[name] for name in fields], task
            assert (row.method, row.valid) == (None, None)


@pytest.mark.slow
async def test_w3_error_texts_as_memos_are_not_relied_upon(world: SparkLog) -> None:
    """A failed reflect call raises PDI; the rows say that they mean nothing."""
    doubted = [
        (row.task, row.attempt)
        for row in world.steps.rows
        if row.monitor == "token_overlap" and "the memo is no memo" in row.reasons
    ]
    mario = [("mario-coin-counting", attempt) for attempt in (4, 5, 6)]
    assert doubted == [("3d-scan-calc", 5), *mario]


@pytest.mark.slow
async def test_attempts_are_told_as_they_were(world: SparkLog) -> None:
    """Numbers, rewards, statuses, commands, rows of tests: as recorded. No trial is no score."""
    for task, each in world.imported.items():
        wanted = _wanted(task)
        concluded = [event async for event in _events(world.log, each.run) if isinstance(event, AttemptConcluded)]
        assert [event.attempt for event in concluded] == [attempt["attempt"] for attempt in wanted]
        for event, attempt in zip(concluded, wanted, strict=True):
            assert (event.outcome.reward or 0.0, event.status) == (attempt["reward"], attempt["status"])
            assert (event.passed, event.total) == (attempt["n_passed"], attempt["n_tests"])
            assert (await world.log.get(event.commands)).decode() == attempt["agent_commands"]
            assert (await world.log.get(event.test_summary)).decode() == attempt["test_summary"]
    assert _outcomes(world, "mhc-layer-impl") == ["infrastructure", "infrastructure"]
    assert _outcomes(world, "financial-modeling-qa") == [*["failed"] * 4, "solved"]


@pytest.mark.slow
async def test_trials_end_as_they_did(world: SparkLog) -> None:
    """Thirteen and one of which only attempts.json is left were solved; five were cancelled, and say so."""
    states: dict[str, list[str]] = {}
    for run in world.trials.runs.values():
        assert run.imported == "spark"
        for trial in run.trials.values():
            states.setdefault(trial.state, []).append(trial.task)
            assert (trial.skill is not None) == (trial.state == "solved")
    assert {state: len(tasks) for state, tasks in states.items()} == {"solved": 14, "unsolved": 2, "stopped": 4}
    assert states["unsolved"] == ["data-to-d3", "mario-coin-counting"]


@pytest.mark.slow
async def test_what_was_done_can_be_read(world: SparkLog) -> None:
    """Each command with its output and exit code: SPARK's evidence has neither (W24)."""
    for task, each in world.imported.items():
        events = [event async for event in _events(world.log, each.run)]
        asked = [event for event in events if isinstance(event, ActionAsked)]
        observed = [event for event in events if isinstance(event, ActionObserved)]
        assert len(asked) == len(observed)
        assert len(asked) == _commands_begun(task)
    everything = [event async for event in _events(world.log, None)]
    assert sum(isinstance(event, ActionObserved) and event.exit_code is None for event in everything) == 4
    assert sum(isinstance(event, ModelImported) for event in everything) == 53 + 13
    assert sum(isinstance(event, PdiImported) for event in everything) == 57
    assert sum(isinstance(event, ImportedAttempt) for event in everything) == 73
    assert sum(isinstance(event, TrialClosed) for event in everything) == 20


@pytest.mark.slow
async def test_files_are_kept_byte_for_byte(world: SparkLog) -> None:
    """What was read can be read again, by something that reads better."""
    for task, each in world.imported.items():
        opened = next(iter([event async for event in _events(world.log, each.run) if isinstance(event, RunImported)]))
        kept = {file.name: await world.log.get(file.digest) for file in opened.files}
        assert kept == {path.name: path.read_bytes() for path in (FOLDERS / task).iterdir()}


async def test_what_another_method_gives_is_said() -> None:
    """No file says which method was used; comparing under the other one shows that it was not that."""
    async with MemoryLog(clock=lambda: 1) as log:
        settings = PdiSettings(method="js_divergence")
        (found,) = (await import_spark(log, FOLDERS / "lean4-proof", settings=settings)).found
    wanted = "proxy_exec, raw_pdi, weighted_pdi as recorded are not what js_divergence gives"
    assert found.warnings == (f"PDI after attempt 0: {wanted}",)


@pytest.mark.slow
async def test_the_same_again_appends_nothing(world: SparkLog) -> None:
    """A person who is not sure may simply import again."""
    head = await world.log.head()
    again = (await import_spark(world.log, FOLDERS)).found
    assert await world.log.head() == head
    assert {each.warnings for each in again} == {(ALREADY,)}
    assert {each.task: each.run for each in again} == {task: each.run for task, each in world.imported.items()}


def _as_recorded(wanted: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    """Give what is known under the step the source used: an older rule began at -1, and weighed it by -0.5."""
    if wanted["step"] == seen["step"]:
        return wanted
    assert (wanted["step"], seen["step"], seen["weight"]) == (0, -1, -0.5)
    return {**wanted, "step": -1, "weight": -0.5, "weighted_pdi": -0.5 * wanted["raw_pdi"]}


def _same(row: PdiStepRow, wanted: dict[str, Any]) -> None:
    for name in (*VALUES, "weight", "weighted_pdi", "step"):
        assert round(getattr(row, name), 4) == pytest.approx(wanted[name], abs=1e-9 if wanted["step"] >= 0 else 1e-4), (
            row.task,
            row.attempt,
            name,
        )
    if row.weighted_pdi != pytest.approx(-0.5, abs=1e-9):
        assert (row.triggered, row.level) == (wanted["triggered"], wanted["level"]), (row.task, row.attempt)


async def _events(log: MemoryLog, run: str | None) -> AsyncIterator[object]:
    async for recorded in log.read():
        if run in {None, recorded.stream.run}:
            yield recorded.event


def _outcomes(world: SparkLog, task: str) -> list[str]:
    run = world.trials.runs[world.imported[task].run]
    outcomes = [attempt.outcome for attempt in run.trials[task].attempts.values()]
    return [outcome.kind for outcome in outcomes if outcome is not None]


def _vectors() -> dict[str, Any]:
    tasks: dict[str, Any] = json.loads(VECTORS.read_text("utf-8"))["tasks"]
    return tasks


def _results(task: str) -> list[dict[str, Any]]:
    path = FOLDERS / task / "trajectory.jsonl"
    lines = path.read_text("utf-8").split("\n") if path.exists() else []
    return [record for line in lines if line.strip() and (record := json.loads(line))["type"] == "execution_result"]


def _wanted(task: str) -> list[dict[str, Any]]:
    """What is to be read: the trajectory's, with the statuses of attempts.json."""
    path = FOLDERS / task / "attempts.json"
    kept: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["attempts"] if path.exists() else []
    results = _results(task) or kept
    statuses = {attempt["attempt"]: attempt["status"] for attempt in kept}
    return [{**each, "status": statuses.get(each["attempt"], each["status"])} for each in results]


def _commands_begun(task: str) -> int:
    """Commands by the ids of their items, in each attempt's stream."""
    begun = 0
    for result in _results(task):
        ids = set()
        for line in result["agent_stdout_full"].split("\n"):
            item = json.loads(line).get("item") if line.startswith("{") else None
            if isinstance(item, dict) and item["type"] == "command_execution":
                ids.add(item["id"])
        begun += len(ids)
    return begun
