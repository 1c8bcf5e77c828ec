"""Stories of `stillroom demo evaluate`: three ways and none again, on the demo's jars, with real agents in sandboxes.

The student is a script that acts only on bytes that it reads through the mount.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.agents.base import SKILLS
from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.errors import KitUnavailable
from engine.agents.installed.packages import AgentPackages
from engine.agents.registry import agent_named
from engine.config.resolve import Flag, Inputs, resolve
from engine.config.spec import RunSpec
from engine.core.fold import fold_run
from engine.core.prompts import load_prompts
from engine.core.system import clock
from engine.runtime.context import RunContext
from engine.runtime.run import RunReport, start_run
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from events.types.evaluation import ArmsCompared
from projections.exposure import Exposures
from replay.crash.child import Life
from replay.crash.totals import account_of, differences
from replay.rerun import rerun
from sandbox.base import Isolation, Reattachable, Sandbox, SandboxBackend, SandboxSpec
from sandbox.harbor.task import Task
from tests.architecture.source import ROOT
from tests.cli.terminal import type_in
from tests.support import runs
from tests.support.isolation import backend_here

DEMO: Final = ROOT / "engine" / "demo"
SOLVED: Final = {"again": 2, "none": 2, "placebo": 2, "skill": 11}
"""Of twelve jars. A guess is right for honey and iodine; the skill's rule is wrong for iodine, which is no herb."""
OF_CODEX: Final = "/tmp/stillroom-agent/.codex/skills"
"""Where that agent looks for skills, in the sandbox."""
ASIDE: Final = '[[rule]]\nname = "aside"\nshell = false\n[[rule.turn]]\ntext = "A title"\nrepeat = true\n\n'


def demo(base: Path, *flags: Flag, folder: Path = DEMO) -> RunSpec:
    """Read the spec of the demo."""
    return resolve(Inputs(base, run_file=folder / "evaluate.toml", flags=flags)).spec


async def evaluated(log: EventLog, base: Path, spec: RunSpec, backend: SandboxBackend, **means: Any) -> RunReport:
    """Run an evaluation to its end."""
    return await start_run(RunContext(log, backend, load_prompts(), "test", {}, base, **means), spec)


def solved(report: RunReport) -> dict[str, int]:
    """Count the solved cells of each arm; no cell may be without a score."""
    counts: dict[str, int] = {}
    for cell, outcome in report.outcomes.items():
        assert outcome in {"solved", "unsolved"}, (cell, outcome)
        arm = cell.partition("/")[0]
        counts[arm] = counts.get(arm, 0) + (outcome == "solved")
    return counts


async def read_by_arm(log: EventLog, run: str) -> dict[str, set[str]]:
    """Say of each arm what is known of its skills having been read."""
    (state,) = await fold_run(log, [Exposures()], run)
    found: dict[str, set[str]] = {}
    for attempts in state.runs.values():
        for each in attempts.values():
            found.setdefault(each.trial.partition("/")[0], set()).update(each.skills.values())
    return found


async def verdicts(log: EventLog, run: str) -> ArmsCompared:
    """Give what a run's arms showed."""
    (found,) = [each.event async for each in log.read(Selection(run=run, tags={"evaluation.compared"}))]
    assert isinstance(found, ArmsCompared)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["oracle", "nop"])
async def test_every_jar_rewards_its_label_and_nothing_else(agent: str, tmp_path: Path) -> None:
    """A task that rewards doing nothing, or not its own solution, would measure nonsense."""
    spec = runs.spec(tasks=str(DEMO / "jars"), models={}, agent={"name": agent}, method={"attempts": 1})
    report = await evaluated(MemoryLog(clock=clock), tmp_path, spec, await backend_here(tmp_path / "sandboxes"))
    assert len(report.outcomes) == 12
    assert set(report.outcomes.values()) == {"solved" if agent == "oracle" else "unsolved"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_page_shows_what_the_command_prints_and_the_same_again_costs_nothing(tmp_path: Path) -> None:
    """What a newcomer types first: three ways and none again, then for nothing, then one repeat more."""
    shown = (ROOT / "docs" / "evaluate.md").read_text(encoding="utf-8")
    first = type_in(tmp_path, "demo", "evaluate", "--plain")
    assert first.code == 0, first.err
    table = first.out.partition("\n\n")[2].partition("\n\nnext")[0]
    printed = "\n".join(line.rstrip() for line in table.splitlines())
    assert printed in shown, printed
    for words, calls, reused in ((), 0, 12), (("--repeats", "2"), 144, 12):
        again = type_in(tmp_path, "demo", "evaluate", "--json", *words)
        arms = [row for row in again.rows if row["kind"] == "arm"]
        assert [row["calls"] for row in again.rows if row["kind"] == "run"] == [calls]
        assert {row["reused"] for row in arms} == {reused}
        assert {row["arm"]: row["verdict"] for row in arms if not row["baseline"]} == {
            "again": "too few runs",
            "placebo": "too few runs",
            "skill": "helps",
        }
        assert {row["arm"]: row["read"] for row in arms}["skill"] == row_of(arms, "skill")["planned"]
        assert type_in(tmp_path, "replay").code == 0


def row_of(rows: list[dict[str, Any]], arm: str) -> dict[str, Any]:
    """Pick an arm's row."""
    return next(row for row in rows if row["arm"] == arm)


class Unmounted:
    """A backend that loses what is to be mounted, and is else the one that it stands for."""

    def __init__(self, inner: SandboxBackend) -> None:
        self._inner = inner
        self.name: str = inner.name
        self.disk: Path | None = inner.disk
        self.lasting: Reattachable | None = inner.lasting

    def describe(self) -> Isolation:
        """Say what the other says."""
        return self._inner.describe()

    def check(self, task: Task) -> list[str]:
        """Say what the other says."""
        return self._inner.check(task)

    def notes(self, task: Task) -> list[str]:
        """Say what the other says."""
        return self._inner.notes(task)

    async def sweep(self, which: Callable[[str], bool]) -> tuple[str, ...]:
        """Do what the other does."""
        return await self._inner.sweep(which)

    async def open(self, spec: SandboxSpec) -> Sandbox:
        """Open a sandbox without its mounts."""
        return await self._inner.open(msgspec.structs.replace(spec, mounts=()))


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_without_the_mount_the_skill_has_no_effect(tmp_path: Path) -> None:
    """Given the same arms and the same words, when nothing is mounted, the skill's arm guesses as the others do."""
    log, backend = MemoryLog(clock=clock), await backend_here(tmp_path / "sandboxes")
    mounted = await evaluated(log, tmp_path, demo(tmp_path), backend)
    assert solved(mounted) == SOLVED
    assert await read_by_arm(log, mounted.run) == {"again": set(), "none": set(), "placebo": {"yes"}, "skill": {"yes"}}
    other = MemoryLog(clock=clock)
    bare = await evaluated(other, tmp_path, demo(tmp_path), Unmounted(backend))
    assert solved(bare) == {**SOLVED, "skill": SOLVED["none"]}
    assert "yes" not in (await read_by_arm(other, bare.run))["skill"]


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_an_installed_agent_is_evaluated_the_same_way(cache: Path, tmp_path: Path) -> None:
    """Its skills lie in a folder of its own; that it read more of them than every agent does is seen by the kernel."""
    found = agent_named("codex")
    assert isinstance(found, InstalledAgent)
    try:
        await AgentPackages(cache).ready(found.recipe)
    except KitUnavailable as error:
        pytest.skip(f"REAL AGENT NOT TRIED: {error.problem}")
    folder = shutil.copytree(DEMO, tmp_path / "demo")
    script = (DEMO / "student.toml").read_text().replace(SKILLS, OF_CODEX)
    head, rule, rest = script.partition("[[rule]]")
    (folder / "student.toml").write_text(head + ASIDE + rule + rest)
    log = MemoryLog(clock=clock)
    spec = demo(tmp_path, Flag("--agent", ("agent", "name"), "codex"), folder=folder)
    report = await evaluated(log, tmp_path, spec, await backend_here(tmp_path / "sandboxes"), cache=cache)
    assert solved(report) == SOLVED
    read = await read_by_arm(log, report.run)
    assert (read["none"], read["skill"], read["placebo"]) == (set(), {"yes"}, {"yes"})
    assert {each.arm: each.verdict for each in (await verdicts(log, report.run)).verdicts} == {
        "again": "too few runs",
        "placebo": "too few runs",
        "skill": "helps",
    }
    assert (await rerun(log, report.run)).complete
    again = await evaluated(log, tmp_path, spec, await backend_here(tmp_path / "sandboxes"), cache=cache)
    assert again.outcomes == report.outcomes
    assert not [each async for each in log.read(Selection(run=again.run, tags={"call.received", "model.asked"}))]


def lived(life: Life, file: Path) -> int:
    """Live one life in a process of its own; give its exit code."""
    file.write_bytes(msgspec.json.encode(life))
    return subprocess.run(
        [sys.executable, "-m", "replay.crash.child", str(file)], check=False, capture_output=True
    ).returncode


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_killed_ten_times_and_resumed_it_ends_with_the_same_verdicts(tmp_path: Path) -> None:
    """SIGKILL at ten moments all over the run; cells that lost no sandbox hold the same bytes and cost the same."""
    variables = {"PATH": os.environ["PATH"]}  # noqa: TID251 - a process needs its search path

    def life(name: str, at: int | None) -> Life:
        (tmp_path / name).mkdir(exist_ok=True)
        log, sandboxes = str(tmp_path / name / "log.db"), str(tmp_path / name / "sandboxes")
        return Life(demo(tmp_path, Flag("--set", ("on_loss",), "abandon")), log, sandboxes, "test", variables, at)

    assert lived(life("plain", None), tmp_path / "life.json") == 0
    deaths = [lived(life("killed", 300), tmp_path / "life.json") for _ in range(10)]
    assert deaths == [-9] * 10
    assert lived(life("killed", None), tmp_path / "life.json") == 0
    async with (
        await SqliteLog.open(tmp_path / "plain" / "log.db", clock=clock) as plain,
        await SqliteLog.open(tmp_path / "killed" / "log.db", clock=clock) as killed,
    ):
        run, other = (await plain.runs())[0], (await killed.runs())[0]
        assert (await verdicts(killed, other)).verdicts == (await verdicts(plain, run)).verdicts
        before, after = await account_of(plain, run), await account_of(killed, other)
        assert differences(before, after) == []
        assert after.lost
