"""One short training on each benchmark under an agent in a sandbox: our own, and the real codex."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.errors import KitUnavailable
from engine.agents.installed.packages import AgentPackages
from engine.agents.registry import agent_named
from engine.core.prompts import load_prompts
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.training import DoNothingScored, SkillAccepted, TrainingClosed
from replay.redecide import decisions
from replay.rerun import rerun
from tests.engine.agents.installed.test_agents import backend_named
from tests.engine.programs.train.test_six_benchmarks import BENCHMARKS, SLOW, SPLITS
from tests.support.orders import CountingClock
from tests.support.quiz import quiz_installed
from tests.support.training import told, training

SCRIPT: Final = """\
name = "six"
[[rule]]
name = "works"
model = "target"
shell = true
function = "six-worker"
[[rule]]
name = "is asked on the side"
model = "target"
shell = false
[[rule.turn]]
text = "A title"
repeat = true
[[rule]]
name = "learns"
model = "optimizer"
function = "six-optimizer"
"""
SKILL: Final = f"# How to answer\n\n- Look first.\n\n{SLOW}"
"""As SkillOpt leaves them: one file without front matter, with a protected block."""
FEW: Final = {"train": 2, "val": 2, "test": 1}
"""Items of each split; real agents take seconds for each."""


@pytest.fixture(autouse=True)
def models(tmp_path: Path) -> Iterator[None]:
    """Install the scripted models as a package on the path is."""
    own = (
        "six-worker = tests.support.six_benchmarks:work_by_command",
        "six-optimizer = tests.support.six_benchmarks:learn",
    )
    with quiz_installed(tmp_path / "installed", "[stillroom.script_functions]", *own):
        yield


async def taught(log: EventLog, base: Path, cache: Path, name: str, agent: str) -> str:
    """Train on one benchmark: one epoch, from a skill that SkillOpt left."""
    found = agent_named(agent)
    if isinstance(found, InstalledAgent):
        try:
            await AgentPackages(cache).ready(found.recipe)
        except KitUnavailable as error:
            pytest.skip(f"REAL AGENT NOT TRIED: {error.problem}")
    for split, count in FEW.items():
        (base / "items" / split).mkdir(parents=True)
        BENCHMARKS[name][0](base / "items" / split, SPLITS[split][:count])
    (base / "script.toml").write_text(SCRIPT)
    (base / "trained_skill.md").write_text(SKILL)
    sets = {
        purpose: {"folder": "items", "split": split, "format": name}
        for purpose, split in (("train", "train"), ("selection", "val"), ("test", "test"))
    }
    asked = training(
        sets=sets, rollout={"way": "agent"}, epochs=1, batch=2, minibatch=2, gate={"name": "strict"}, name="six",
        skill="trained_skill.md",
    )  # fmt: skip
    spec = msgspec.structs.replace(asked, sandbox="local", agent=msgspec.structs.replace(asked.agent, name=agent))
    async with backend_named("local", base) as backend:
        report = await start_run(RunContext(log, backend, load_prompts(), "test", {}, base, cache=cache), spec)
    assert report.outcomes == {"train": "completed"}
    return report.run


async def asked_of(log: EventLog, run: str) -> int:
    """Count calls of models and sandboxes that a run asked for."""
    asked = Selection(run=run, tags={"model.asked", "sandbox.asked", "agent.run_asked"})
    return len([each async for each in log.read(asked)])


BY_SHELL: Final = ("question", "officeqa", "docvqa", "spreadsheetbench", "household")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("name", "agent"), [*((name, "shell") for name in BY_SHELL), ("docvqa", "codex"), ("household", "codex")]
)
async def test_a_training_under_an_agent_finds_the_rule_and_leaves_protected_blocks_alone(
    name: str, agent: str, cache: Path, tmp_path: Path
) -> None:
    """With what was accepted all is solved, nothing was before; a replay asks neither model nor sandbox."""
    pytest.importorskip("openpyxl")
    log = MemoryLog(clock=CountingClock())
    run = await taught(log, tmp_path, cache, name, agent)
    (accepted,) = await told(log, run, SkillAccepted)
    written = (await log.get(accepted.files[0].digest)).decode()
    assert SLOW in written
    assert 0 < written.index(BENCHMARKS[name][2]) < written.index(SLOW)
    (closed,) = await told(log, run, TrainingClosed)
    initial, best, _ = closed.skills
    assert (initial.test_hard.exact, best.test_hard.exact) == (0, 1)
    for each in await told(log, run, DoNothingScored):
        assert (each.solved, each.measured) == ((), FEW["val"])
    before = await asked_of(log, run)
    assert (await rerun(log, run)).complete
    assert all(each.agrees for each in await decisions(log, run))
    assert await asked_of(log, run) == before > 0
