"""Stories of the shell agent with skills: shown in every sandbox, read through the mount, and recorded as read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.core.prompts import load_prompts
from engine.effects.conversation import ConversationReader
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.base import Recorded
from events.bundle.copy import copy
from events.integrity.verify import verify
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.model import ModelAsked
from events.types.sandbox import ActionObserved, SandboxAsked, VerifierRewarded
from replay.rerun import rerun
from sandbox.base import SandboxBackend
from sandbox.errors import SandboxUnavailable
from tests.engine.agents.installed.test_agents import backend_named
from tests.support.isolation import backend_here
from tests.support.runs import make_base, spec
from tests.support.worlds import Ticking

MOUNT: Final = "/opt/stillroom/attempt/skills"
SKILL: Final = """\
---
name: word
description: Writes the word. Use it when a word is to be written.
---

# Writing the word

run: cp words.txt answer.txt
"""
READING: Final = f"""\
name = "reading"

[[rule]]
name = "student"
contains = ["Attempt: 1 of"]
[[rule.turn]]
command = "cat {MOUNT}/word/SKILL.md"
[[rule.turn]]
command = "sh -c \\"$(sed -n 's/^run: //p' {MOUNT}/word/SKILL.md)\\""
[[rule.turn]]
command = "touch {MOUNT}/word/SKILL.md || echo kept"
[[rule.turn]]
text = "DONE"
"""
"""A student that knows nothing, and does what it reads through the mount."""


def skilled(folder: Path, text: str = SKILL) -> Path:
    """Make a folder with a task, a student and a skill."""
    (folder / "skills" / "word").mkdir(parents=True)
    (folder / "skills" / "word" / "SKILL.md").write_text(text)
    return make_base(folder, READING)


async def lived(base: Path, backend: SandboxBackend, **agent: Any) -> tuple[MemoryLog, str, Sequence[Recorded]]:
    """Have one attempt."""
    log = MemoryLog(clock=Ticking())
    means = RunContext(log, backend, load_prompts(), "test", {}, base)
    asked = spec(agent=agent, method={"attempts": 1, "distil": False}, sandbox=backend.name)
    run = (await start_run(means, asked)).run
    return log, run, [each async for each in log.read(Selection(run=run))]


def of(events: Sequence[Recorded], kind: type[Any]) -> list[Any]:
    """Pick events of a kind."""
    return [each.event for each in events if isinstance(each.event, kind)]


async def system_message(log: EventLog, events: Sequence[Recorded]) -> str:
    """Read what the model was told before all else."""
    said = await ConversationReader(log).read(of(events, ModelAsked)[0].conversation)
    return str(msgspec.json.decode(said.messages[0])["content"])


async def rewarded(base: Path, way: Any, **agent: Any) -> float:
    """Have one attempt on this machine, and give its reward."""
    _, _, events = await lived(base, await backend_here(base / "sandboxes", way), **agent)
    (verdict,) = of(events, VerifierRewarded)
    return float(verdict.reward)


@pytest.mark.docker
async def test_a_container_shows_skills_as_well_and_they_cannot_be_changed(tmp_path: Path) -> None:
    """The same mount, the same words, the same record of reads."""
    base = skilled(tmp_path)
    try:
        async with backend_named("docker", base) as backend:
            log, _, events = await lived(base, backend, skills="skills")
            _, _, without = await lived(base, backend)
    except SandboxUnavailable as error:
        pytest.skip(f"{error.problem} ({error.remedy})")
    assert [of(each, VerifierRewarded)[0].reward for each in (events, without)] == [1.0, 0.0]
    first, second, third = of(events, ActionObserved)
    assert [each.name for observed in (first, second) for each in observed.reads if each.read] == ["word/SKILL.md"] * 2
    assert not [each for each in third.reads if each.read]
    assert (await log.get(third.stdout)).decode() == "kept\n"


@pytest.mark.parametrize("way", ["best", "plain"])
async def test_a_student_that_acts_on_what_it_reads_solves_the_task_with_the_skill_alone(
    tmp_path: Path, way: Any
) -> None:
    """With the mount removed the skill has no effect, though all else is as it was."""
    base = skilled(tmp_path)
    assert await rewarded(base, way, skills="skills") == 1.0
    assert await rewarded(base, way) == 0.0


async def test_another_skill_of_that_name_has_another_effect(tmp_path: Path) -> None:
    """It is the bytes that act, and not the name."""
    base = skilled(tmp_path, SKILL.replace("cp words.txt", "cp nothing.txt"))
    assert await rewarded(base, "best", skills="skills") == 0.0


@pytest.mark.parametrize("way", ["best", "plain"])
async def test_what_each_command_read_of_a_skill_is_on_record(tmp_path: Path, way: Any) -> None:
    """By the kernel's word, file by file; the last command touches a file and reads nothing."""
    base = skilled(tmp_path)
    log, run, events = await lived(base, await backend_here(base / "sandboxes", way), skills="skills")
    first, second, third = of(events, ActionObserved)
    for observed in (first, second):
        assert [each.name for each in observed.reads] == ["word/SKILL.md"]
        assert observed.reads[0].read >= 1
    assert not [each for each in third.reads if each.read]
    assert (await log.get(first.stdout)).decode() == SKILL
    assert (await rerun(log, run)).complete
    assert not (await verify(log)).findings


async def test_the_agent_cannot_change_what_it_is_given(tmp_path: Path) -> None:
    """The mount is read-only wherever something is isolated."""
    base = skilled(tmp_path)
    backend = await backend_here(base / "sandboxes")
    if backend.describe().level == "none":
        pytest.skip("nothing is isolated without bubblewrap")
    log, _, events = await lived(base, backend, skills="skills")
    assert (await log.get(of(events, ActionObserved)[2].stdout)).decode() == "kept\n"


async def test_it_is_told_of_them_by_one_sentence_and_a_line_for_each(tmp_path: Path) -> None:
    """The sentence is the same whatever the skills are; without any, nothing is said."""
    base = skilled(tmp_path)
    backend = await backend_here(base / "sandboxes")
    log, _, events = await lived(base, backend, skills="skills")
    other, _, without = await lived(base, backend)
    told, plain = await system_message(log, events), await system_message(other, without)
    assert told.startswith(plain)
    sentence, line = told.removeprefix(plain).strip().splitlines()
    assert sentence.startswith(f"Skills are folders below {MOUNT}, each with a SKILL.md:")
    assert line == f"- word: Writes the word. Use it when a word is to be written. ({MOUNT}/word/SKILL.md)"
    assert of(without, SandboxAsked)[0].condition is None
    assert [each.reads for each in of(without, ActionObserved)] == [None] * 3


async def test_the_verifier_finds_nothing_of_a_skill(tmp_path: Path) -> None:
    """It is taken away before the tests run: a skill cannot be their accomplice, and they cannot look at it."""
    base = skilled(tmp_path)
    tests = base / "tasks" / "word" / "tests" / "test.sh"
    tests.write_text(tests.read_text() + f"\nfind {MOUNT} -type f; echo looked\n")
    log, _, events = await lived(base, await backend_here(base / "sandboxes"), skills="skills")
    (verdict,) = of(events, VerifierRewarded)
    assert (await log.get(verdict.stdout)).decode().splitlines()[-1] == "looked"
    assert "SKILL.md" not in (await log.get(verdict.stdout)).decode()


async def test_a_run_that_is_copied_takes_its_skills_along(tmp_path: Path) -> None:
    """Whoever has its log can run it again: every byte that was given is in it."""
    base = skilled(tmp_path)
    log, run, _ = await lived(base, await backend_here(base / "sandboxes"), skills="skills")
    other = MemoryLog(clock=Ticking())
    await copy(log, other, [run])
    assert not (await verify(other)).findings
    assert SKILL.encode() in [
        data async for page in other.stored() for data in [await other.get(e.digest) for e in page]
    ]
