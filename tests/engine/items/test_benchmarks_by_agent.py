"""Each benchmark under an agent in a sandbox, our own and an installed one: what it leaves there is scored outside."""

import json
import re
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
from events.types.agent import CallReceived
from events.types.sandbox import SandboxAsked
from replay.rerun import rerun
from tests.engine.agents.installed.test_agents import backend_named
from tests.engine.items.test_images import AMBER
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


NAMES: Final = ("question", "livemathematicianbench", "officeqa", "docvqa", "spreadsheetbench")
SLOWLY: Final = [pytest.mark.slow, pytest.mark.timeout(600)]
OTHERS: Final = ("opencode", "qwen-code", "claude-code", "gemini-cli")


@pytest.mark.parametrize(
    ("name", "agent"),
    [
        *((name, "shell") for name in NAMES),
        *(pytest.param(name, "codex", marks=SLOWLY) for name in NAMES),
        *(pytest.param(name, agent, marks=SLOWLY) for name in ("docvqa", "spreadsheetbench") for agent in OTHERS),
    ],
)
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


LOOKS: Final = {
    "codex": 'tool = "view_image"\narguments = { path = "/app/image-1.png" }',
    "opencode": 'tool = "read"\narguments = { filePath = "/app/image-1.png" }',
    "qwen-code": 'tool = "read_file"\narguments = { file_path = "/app/image-1.png" }',
    "claude-code": 'tool = "Read"\narguments = { file_path = "/app/image-1.png" }',
    "gemini-cli": 'tool = "read_file"\narguments = { file_path = "/app/image-1.png" }',
}
"""How a model asks each agent to show it an image."""
SHOWN: Final = re.compile(rb'"(?:input_image|image_url|image|image/png)"')


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("agent", LOOKS)
async def test_an_installed_agent_shows_its_model_the_page_that_it_asks_for(
    agent: str, cache: Path, tmp_path: Path
) -> None:
    """OpenCode and Qwen Code show none unless they are told that the model takes images."""
    found = agent_named(agent)
    assert isinstance(found, InstalledAgent)
    try:
        await AgentPackages(cache).ready(found.recipe)
    except KitUnavailable as error:
        pytest.skip(f"REAL AGENT NOT TRIED: {error.problem}")
    (tmp_path / "items").mkdir()
    (tmp_path / "items" / "page.png").write_bytes(AMBER)
    row = {"id": "p", "question": "Which colour?", "answers": ["amber"], "image": "page.png"}
    (tmp_path / "items" / "test.json").write_text(json.dumps([row]))
    (tmp_path / "script.toml").write_text(
        f'name = "w"\n[[rule]]\nname = "looks"\nshell = true\n[[rule.turn]]\n{LOOKS[agent]}\n'
        '[[rule.turn]]\ncommand = "echo amber > answer.txt"\n[[rule.turn]]\ntext = "DONE"\n'
        '[[rule]]\nname = "is asked on the side"\n[[rule.turn]]\ntext = "DONE"\nrepeat = true\n'
    )
    own: dict[str, Any] = {"items": {"folder": "items", "format": "docvqa"}, "rollout": {"way": "agent"}}
    log = MemoryLog(clock=CountingClock())
    async with backend_named("local", tmp_path) as backend:
        arms: dict[str, Any] = {"none": {}, "other": {"note": "Look."}}
        asked = evaluation(arms, tasks="", sandbox=backend.name, own=own, agent={"name": agent})
        report = await start_run(RunContext(log, backend, load_prompts(), "test", {}, tmp_path, cache=cache), asked)
    assert {*report.outcomes.values()} == {"solved"}
    received = [each.event async for each in log.read(Selection(run=report.run, tags={"call.received"}))]
    bodies = [await log.get(each.request) for each in received if isinstance(each, CallReceived)]
    assert bodies
    assert [body for body in bodies if SHOWN.search(body)]
    assert (await rerun(log, report.run)).complete
