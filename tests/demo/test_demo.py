"""Stories of the demo: its tasks are sound, and its run shows what it is there to show."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from engine.config.spec import RunSpec
from engine.core.fold import fold
from engine.core.prompts import load_prompts
from engine.core.system import clock
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.store.memory import MemoryLog
from projections.trials.view import Trials
from replay.rerun import rerun
from sandbox.base import SandboxSpec
from sandbox.harbor.task import find_tasks, load_task
from sandbox.verification.verifier import Rewarded, verify
from tests.support.isolation import backend_here
from tests.support.runs import spec

DEMO = Path(__file__).parents[2] / "engine" / "demo"
Way = Literal["best", "plain"]
CHEATS = {
    "sales-by-region": "echo region,units,price_cents > sales.csv; echo {} > totals.json",
    "errors-per-hour": "echo > service.log; echo hour,errors > errors.csv",
    "file-manifest": "rm -rf data; mkdir data; touch MANIFEST",
    "merge-settings": """echo '{"logging": {"targets": ["file"]}, "server": {"port": 8080}}' > settings.json""",
}
"""By task: a command that empties the inputs, or writes what an easy-going verifier would take."""


async def setting_of(folder: Path, way: Way = "best") -> RunContext:
    """Make a setting around the demo's own folder."""
    backend = await backend_here(folder / "sandboxes", way)
    return RunContext(MemoryLog(clock=clock), backend, load_prompts(), "test", {}, DEMO)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["best", "plain"])
@pytest.mark.parametrize("agent", ["oracle", "nop"])
async def test_every_task_rewards_its_solution_and_nothing_else(tmp_path: Path, way: Way, agent: str) -> None:
    """A task that rewards doing nothing, or not its own solution, would teach nonsense."""
    report = await start_run(
        await setting_of(tmp_path, way), spec(models={}, agent={"name": agent}, method={"attempts": 1})
    )
    assert set(report.outcomes.values()) == {"solved" if agent == "oracle" else "unsolved"}


@pytest.mark.slow
@pytest.mark.parametrize("way", ["best", "plain"])
async def test_the_demo_shows_all_that_can_happen_to_a_trial(tmp_path: Path, way: Way) -> None:
    """Solved at once; solved after a soft and a strong intervention; never solved; no verdict, and no score."""
    setting = await setting_of(tmp_path, way)
    told = msgspec.convert(tomllib.loads((DEMO / "run.toml").read_text(), parse_float=Decimal), RunSpec)
    report = await start_run(setting, told)
    assert report.outcomes == {
        "errors-per-hour": "solved",
        "file-manifest": "infrastructure",
        "merge-settings": "unsolved",
        "sales-by-region": "solved",
    }
    trials = (await fold(setting.log, Trials())).runs[report.run].trials
    assert [each.intervention for each in trials["errors-per-hour"].attempts.values()] == [
        "none",
        "none",
        "soft",
        "strong",
    ]
    assert trials["file-manifest"].reward is None
    assert trials["merge-settings"].reward == 0.75
    assert trials["errors-per-hour"].skill == "errors-per-hour"
    assert (await rerun(setting.log, report.run)).complete


def test_the_demo_has_tasks_of_different_kinds() -> None:
    """Four small ones, each read without a complaint."""
    found = find_tasks(DEMO / "tasks")
    assert len(found.tasks) == 4
    assert not found.incomplete
    assert not [key for task in found.tasks for key in task.unknown_keys]


@pytest.mark.slow
async def test_a_verifier_believes_nothing_that_an_agent_can_write(tmp_path: Path) -> None:
    """Inputs that were edited, and outputs that only look right, earn less than everything."""
    backend = await backend_here(tmp_path / "sandboxes")
    for task, cheat in CHEATS.items():
        loaded = load_task(DEMO / "tasks" / task)
        sandbox = await backend.open(SandboxSpec(id=task, task=loaded, env={}))
        try:
            assert (await sandbox.exec(cheat, timeout_s=20)).exit_code == 0
            verdict = await verify(sandbox, loaded, env={})
        finally:
            await sandbox.close()
        assert isinstance(verdict, Rewarded)
        assert verdict.reward < 1, task
