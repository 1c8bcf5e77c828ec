"""Each benchmark under an agent in a sandbox, our own and an installed one: what it leaves there is scored outside."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.errors import KitUnavailable
from engine.agents.installed.packages import AgentPackages
from engine.agents.registry import agent_named
from engine.core.prompts import load_prompts
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.sandbox import SandboxAsked
from replay.rerun import rerun
from tests.engine.agents.installed.test_agents import backend_named
from tests.engine.programs.evaluate.test_evaluate import evaluation
from tests.engine.programs.train.test_six_benchmarks import BENCHMARKS, word
from tests.support.orders import CountingClock
from tests.support.six_benchmarks import workbook

BACKWARDS: Final = "sed -n 's/.*Clue: \\([0-9]*\\).*/\\1/p' bulletin_8.txt | rev"


def works() -> Mapping[str, str]:
    """Say what a command has to do for the item of each benchmark, by what lies in its sandbox."""
    data = b64encode(workbook(word(8))).decode()
    return {
        "question": f"echo {word(8)} > answer.txt",
        "livemathematicianbench": "echo C > answer.txt",
        "officeqa": f"{BACKWARDS} > answer.txt",
        "docvqa": "sha256sum image-1.png | cut -c1-8 | rev > answer.txt",
        "spreadsheetbench": f"echo {data} | base64 -d > 1_8_answer.xlsx",
    }


@pytest.mark.parametrize("agent", ["shell", pytest.param("codex", marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
@pytest.mark.parametrize("name", ["question", "livemathematicianbench", "officeqa", "docvqa", "spreadsheetbench"])
async def test_an_agent_works_on_it_by_what_lies_in_its_sandbox(
    name: str, agent: str, cache: Path, tmp_path: Path
) -> None:
    """Documents, pages and workbooks are there, answers are not; a replay needs no sandbox."""
    pytest.importorskip("openpyxl")
    found = agent_named(agent)
    if isinstance(found, InstalledAgent):
        try:
            await AgentPackages(cache).ready(found.recipe)
        except KitUnavailable as error:
            pytest.skip(f"REAL AGENT NOT TRIED: {error.problem}")
    (tmp_path / "items" / "test").mkdir(parents=True)
    BENCHMARKS[name][0](tmp_path / "items" / "test", range(8, 9))
    turns = f"[[rule.turn]]\ncommand = '''{works()[name]}'''\n[[rule.turn]]\ntext = \"DONE\"\n"
    (tmp_path / "script.toml").write_text(
        f'name = "w"\n[[rule]]\nname = "knows"\nshell = true\ncontains = ["Be right."]\n{turns}'
        '[[rule]]\nname = "does nothing"\n[[rule.turn]]\ntext = "DONE"\nrepeat = true\n'
    )
    own: dict[str, Any] = {"items": {"folder": "items", "format": name}, "rollout": {"way": "agent"}}
    arms = {"none": {}, "able": {"note": "Be right."}}
    log = MemoryLog(clock=CountingClock())
    async with backend_named("local", tmp_path) as backend:
        asked = evaluation(arms, tasks="", sandbox=backend.name, own=own, agent={"name": agent})
        report = await start_run(RunContext(log, backend, load_prompts(), "test", {}, tmp_path, cache=cache), asked)
    assert sorted((each.partition("/")[0], outcome) for each, outcome in report.outcomes.items()) == [
        ("able", "solved"),
        ("none", "unsolved"),
    ]
    assert (await rerun(log, report.run)).complete
    given = [each.event async for each in log.read(Selection(run=report.run, tags={"sandbox.asked"}))]
    for each in given:
        assert isinstance(each, SandboxAsked)
        assert each.workspace is not None
        for file in each.workspace.files:
            held = await log.get(file.digest)
            assert word(8).encode() not in held
            assert not file.name.endswith("_answer.xlsx")
