"""A model writes programs for an item: they run in a sandbox alone, and the files that they leave are scored."""

import json
import shutil
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.core.prompts import load_prompts
from engine.effects.conversation import ConversationReader
from engine.items.registry import item_format
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.base import Recorded
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.item import ItemAnswered, ItemScored, ItemUnanswered
from events.types.model import ModelAsked
from events.types.sandbox import FilesTaken, SandboxAsked
from replay.redecide import decisions
from replay.rerun import rerun
from sandbox.base import SandboxBackend
from tests.engine.agents.installed.test_agents import backend_named
from tests.engine.programs.evaluate.test_evaluate import LAMPS, calls, evaluation
from tests.support.crashes import ended, in_memory, world
from tests.support.mutation import mutate
from tests.support.orders import CountingClock
from tests.support.pretend import PretendBackend
from tests.support.quiz_runs import make_items

SAMPLES: Final = Path(__file__).parents[4] / "shared" / "data" / "skillopt" / "spreadsheetbench"
PROGRAMMER: Final = """\
name = "programmer"

[[rule]]
name = "knows the sum from its skill"
contains = ["Role: student", "amber lamp?", "amber lamp is K7"]
[[rule.turn]]
text = '''
I look first.
```python
import os
print(sorted(os.listdir()))
```
'''
[[rule.turn]]
text = '''
```python
open("answer.txt", "w").write("K7")
print("PROGRAM")
```
'''
[[rule.turn]]
text = "That is all."

[[rule]]
name = "writes programs that fail"
contains = ["Role: student"]
[[rule.turn]]
text = '''
```python
raise SystemExit("no lamp here")
```
'''
[[rule.turn]]
text = '''
```python
print("this one is cut'''
[[rule.turn]]
text = "I give up."
"""
ARMS: Final = {"none": {"skills": ""}, "skill": {"skills": "skills"}}
AMBER: Final = [{"id": "amber", "question": "Which code has the amber lamp?", "context": None, "answers": ["K7"]}]


def base_of(folder: Path, script: str = PROGRAMMER) -> Path:
    """Make a set of one question, a programmer and a skill that knows its answer."""
    make_items(folder / "quiz", AMBER)
    (folder / "script.toml").write_text(script)
    (folder / "skills" / "told").mkdir(parents=True)
    (folder / "skills" / "told" / "SKILL.md").write_text(LAMPS)
    return folder


async def coded(log: EventLog, base: Path, backend: SandboxBackend, **own: Any) -> tuple[str, dict[str, str]]:
    """Evaluate both arms by programs; give the run and its outcomes."""
    asked = evaluation(
        ARMS, tasks="", sandbox="local" if isinstance(backend, PretendBackend) else backend.name,
        own={"items": {"folder": "quiz"}, **own, "rollout": {"way": "code", **own.get("rollout", {})}},
    )  # fmt: skip
    report = await start_run(RunContext(log, backend, load_prompts(), "test", {}, base), asked)
    return report.run, report.outcomes


async def events(log: EventLog, run: str, *tags: str) -> list[Recorded]:
    """Read events of a run."""
    return [each async for each in log.read(Selection(run=run, tags=set(tags)))]


@pytest.mark.parametrize("where", ["local", pytest.param("docker", marks=pytest.mark.docker)])
async def test_programs_run_in_a_sandbox_and_are_shown_what_they_print(where: str, tmp_path: Path) -> None:
    """Given a skill in the system prompt, the second program leaves the answer; a replay runs none of them."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    async with backend_named(where, tmp_path) as backend:
        run, outcomes = await coded(log, base, backend)
    assert outcomes == {"none/quiz.amber.1": "unsolved", "skill/quiz.amber.1": "solved"}
    asked = [each for each in await events(log, run, "model.asked") if "skill" in each.stream.name]
    assert isinstance(asked[-1].event, ModelAsked)
    told = b"\n".join(await ConversationReader(log).messages(asked[-1].event.conversation))
    assert b"exit code: 0\\nstdout:\\n['program.py']" in told
    assert b"stdout:\\nPROGRAM" in told
    failing = [each for each in await events(log, run, "model.asked") if "none" in each.stream.name]
    assert isinstance(failing[-1].event, ModelAsked)
    told = b"\n".join(await ConversationReader(log).messages(failing[-1].event.conversation))
    assert b"exit code: 1\\nstderr:\\nno lamp here" in told
    assert b"the block of the program does not end" in told
    opened = [each.event for each in await events(log, run, "sandbox.asked")]
    assert [each.condition for each in opened if isinstance(each, SandboxAsked)] == [None, None], "nothing is mounted"
    assert (await rerun(log, run)).complete
    assert all(each.agrees for each in await decisions(log, run))
    assert (await mutate(log, run)).found == ()


async def test_one_program_alone_is_shown_nothing(tmp_path: Path) -> None:
    """What it left is scored, and the model is not asked again."""
    looks = "I look first.\n```python\nimport os\nprint(sorted(os.listdir()))"
    once = PROGRAMMER.replace(looks, '```python\nopen("answer.txt", "w").write("K7")')
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path, once)
    async with backend_named("local", tmp_path) as backend:
        run, outcomes = await coded(log, base, backend, rollout={"turns": 1})
    assert outcomes == {"none/quiz.amber.1": "unsolved", "skill/quiz.amber.1": "solved"}
    assert await calls(log, run) == 2
    answered = [each.event for each in await events(log, run, "item.answered")]
    assert [(each.turns, each.tool_calls) for each in answered if isinstance(each, ItemAnswered)] == [(1, 1)] * 2


async def test_a_sandbox_without_python_is_no_score(tmp_path: Path) -> None:
    """That programs cannot run is told before the model is asked, and is no failure of what it would have written."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    run, outcomes = await coded(log, base, PretendBackend(has_python=False))
    assert set(outcomes.values()) == {"infrastructure"}
    ended_ = [each.event for each in await events(log, run, "item.unanswered")]
    assert all(isinstance(each, ItemUnanswered) and "python3" in each.detail for each in ended_)
    assert await calls(log, run) == 0


@pytest.mark.parametrize("step", [pytest.param(5, marks=[pytest.mark.slow, pytest.mark.timeout(900)]), 37])
async def test_it_survives_a_death_at_any_moment(step: int, tmp_path: Path) -> None:
    """Where the sandbox is gone with its process, the work begins anew; no answered call is paid for again."""
    async with world(tmp_path, script=PROGRAMMER) as here:
        make_items(here.base / "quiz", AMBER)
        own = {"items": {"folder": "quiz"}, "rollout": {"way": "code"}, "reuse": "own", "baseline": "one",
               "arms": {"one": {"note": "1"}, "two": {"note": "2"}}}  # fmt: skip
        armed = here._replace(spec=msgspec.structs.replace(here.spec, program="evaluate", tasks="", own=own))
        plain = await ended(armed, (), in_memory())
        for moment in range(0, plain.moments[0], step):
            opened = in_memory()
            seen = await ended(armed, (moment,), opened)
            assert (seen.overdrawn, seen.again) == ([], 0), seen.deaths
            async with opened() as log:
                scored = [each.event async for each in log.read(Selection(tags={"item.scored"}))]
            assert [each.outcome for each in scored if isinstance(each, ItemScored)] == ["unsolved"] * 2, seen.deaths


def make_sheets(base: Path) -> None:
    """Make a set of two real tasks, and a model that knows what is expected of the first."""
    rows = json.loads((SAMPLES / "dataset.json").read_text())[:2]
    folder = base / "sheets"
    folder.mkdir()
    (folder / "dataset.json").write_text(json.dumps(rows))
    for row in rows:  # copies: a set refuses links that lead out of its folder
        shutil.copytree(SAMPLES / row["spreadsheet_path"], folder / row["spreadsheet_path"])
    first = SAMPLES / rows[0]["spreadsheet_path"]
    right = {each.name: b64encode(each.read_bytes()).decode() for each in sorted(first.glob("*_answer.xlsx"))}
    script = f"""\
name = "sheets"
[[rule]]
name = "writes what is expected"
contains = [{json.dumps(rows[0]["instruction"][:60])}]
[[rule.turn]]
text = '''```python
from base64 import b64decode
for name, data in {right!r}.items():
    open(name, "wb").write(b64decode(data))
```'''
[[rule.turn]]
text = "DONE"
[[rule]]
name = "copies its input"
[[rule.turn]]
text = '''```python
import glob, shutil
for name in glob.glob("*_input.xlsx"):
    shutil.copy(name, name.replace("_input", "_answer"))
print(sorted(glob.glob("*")))
```'''
[[rule.turn]]
text = "DONE"
"""
    (base / "script.toml").write_text(script.replace("\\\\", "\\\\\\\\"))


@pytest.mark.slow
async def test_tasks_of_spreadsheetbench_are_scored_by_the_workbooks_that_programs_leave(tmp_path: Path) -> None:
    """A program that writes what is expected solves its task, one that copies its input does not."""
    if not SAMPLES.exists():
        pytest.skip("the samples of SkillOpt's benchmarks are not here")
    pytest.importorskip("openpyxl")
    make_sheets(tmp_path)
    log = MemoryLog(clock=CountingClock())
    arms = {"none": {}, "more": {"note": "Take care."}}
    own = {"items": {"folder": "sheets", "format": "spreadsheetbench"}, "rollout": {"way": "code"}}
    async with backend_named("local", tmp_path) as backend:
        asked = evaluation(arms, tasks="", sandbox=backend.name, own=own)
        report = await start_run(RunContext(log, backend, load_prompts(), "test", {}, tmp_path), asked)
    assert sorted(report.outcomes.values()) == ["solved", "solved", "unsolved", "unsolved"]
    given = [each.event for each in await events(log, report.run, "sandbox.asked")]
    spaces = [each.workspace for each in given if isinstance(each, SandboxAsked) and each.workspace]
    names = [each.name for space in spaces for each in space.files]
    assert names
    assert all(name.endswith("_input.xlsx") for name in names)
    taken = [each.event for each in await events(log, report.run, "files.taken")]
    assert all(isinstance(each, FilesTaken) and not each.missing for each in taken)
    assert (await rerun(log, report.run)).complete
    assert "code" in item_format("spreadsheetbench").ways
