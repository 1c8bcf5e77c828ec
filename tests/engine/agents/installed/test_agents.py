"""Stories of real agents in real sandboxes: only their model is a script."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import anyio
import anyio.lowlevel
import pytest

from engine.agents.installed.adapter import STATE
from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.errors import KitUnavailable
from engine.agents.installed.packages import AgentPackages
from engine.agents.registry import agent_named
from engine.core.prompts import load_prompts
from engine.core.system import clock
from engine.runtime.context import RunContext
from engine.runtime.run import resume_run, start_run
from events.base import Draft, Event
from events.codec import tag_of
from events.redaction.redactor import Redactor
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.agent import AgentActed, AgentRunFinished, AgentSaid, CallReceived, CallRefused
from events.types.attempt import AttemptAbandoned
from events.types.model import ModelAnswered
from events.types.session import ScopeStopped
from replay.agents.replay import replay_agent
from replay.redecide import decisions
from replay.rerun import rerun
from sandbox.base import SandboxBackend
from sandbox.docker.backend import docker_backend
from tests.support.isolation import backend_here
from tests.support.runs import ASIDE, SKILL, make_base, spec

KEY = "never-to-be-seen-inside"
AGENTS = ["codex", "qwen-code", "opencode", "claude-code", "gemini-cli"]

SCRIPT = (
    'name = "agents"\n'
    + ASIDE
    + """
[[rule]]
name = "looks for the key"
[[rule.turn]]
text = "I read first."
command = """
    + '"cat words.txt | tee answer.txt; env; ls -A ~; cp words.txt ~/answer.txt; '
    + f'cat /opt/stillroom/attempt/launch.json {STATE}/*/skills/*/SKILL.md {STATE}/.*/skills/*/SKILL.md; true"'
    + """
[[rule.turn]]
text = "DONE"
"""
)


class AgentRun(NamedTuple):
    """A run that has come to its end."""

    log: MemoryLog
    run: str
    outcomes: dict[str, str]
    events: dict[str, list[Event]]
    """By stream."""


@asynccontextmanager
async def backend_named(name: str, folder: Path) -> AsyncIterator[SandboxBackend]:
    """Open a backend that isolates, or skip and say why."""
    if name == "docker":
        async with docker_backend(folder / "sandboxes") as backend:
            yield backend
        return
    local = await backend_here(folder / "sandboxes")
    if local.describe().level == "none":
        pytest.skip(local.describe().reason)
    yield local


async def live(cache: Path, base: Path, agent: str, where: str, **more: object) -> AgentRun:
    """Have an agent solve the task of the tests."""
    found = agent_named(agent)
    assert isinstance(found, InstalledAgent)
    try:
        await AgentPackages(cache).ready(found.recipe)
    except KitUnavailable as error:
        pytest.skip(f"REAL AGENT NOT TRIED: {error.problem}")
    log = MemoryLog(clock=clock, redactor=Redactor({"KEY": KEY}))
    model = {"model": more.pop("model", "teacher"), "base_url": "script:script.toml", "api_key_env": "KEY"}
    asked = spec(
        agent={"name": agent, **more}, sandbox=where, method={"attempts": 1}, models={"teacher": model},
        prices={str(model["model"]): {"input": "1", "output": "2"}},
    )  # fmt: skip
    async with backend_named(where, base) as backend:
        report = await start_run(
            RunContext(log, backend, load_prompts(), "test", {"KEY": KEY}, base, cache=cache), asked
        )
    events: dict[str, list[Event]] = {}
    async for each in log.read(Selection(run=report.run)):
        events.setdefault(each.stream.name, []).append(each.event)
    return AgentRun(log, report.run, report.outcomes, events)


def skilled(folder: Path) -> Path:
    """Make a folder with a skill, the script, and the task: the answer is to be in the home folder."""
    base = make_base(folder, SCRIPT)
    verifier = base / "tasks/word/tests/test.sh"
    verifier.write_text(verifier.read_text().replace("/app/answer.txt", "~/answer.txt"))
    (base / "skills" / "word").mkdir(parents=True)
    (base / "skills" / "word" / "SKILL.md").write_text(SKILL)
    return base


NAMES_OF_AGENTS = (b".codex", b".claude", b".claude.json", b".gemini", b".qwen", b".config", b".local", b".cache")


def listed(output: bytes) -> set[bytes]:
    """Give the lines of an output: among them each name in the home folder."""
    return set(output.splitlines())


def only(events: list[Event], kind: type[Event]) -> list[Event]:
    """Give those of a kind."""
    return [each for each in events if type(each) is kind]


EVERYWHERE = pytest.mark.parametrize("where", ["local", pytest.param("docker", marks=pytest.mark.docker)])


@pytest.mark.slow
@pytest.mark.timeout(600)
@EVERYWHERE
@pytest.mark.parametrize("agent", AGENTS)
async def test_an_agent_solves_a_task_on_record_and_without_a_key(
    agent: str, where: str, cache: Path, tmp_path: Path
) -> None:
    """Actions and calls are on record, the key is not in its sandbox, and the run comes out the same again.

    Its home is the one that the verifier looks into, and nothing of its own lies there.
    """
    # When an agent solves a task, reads its skill, and looks for a key on its way.
    lived = await live(cache, skilled(tmp_path), agent, where, skills="skills")
    assert lived.outcomes == {"word": "solved"}
    attempt = lived.events["attempt/word/1"]
    # Then what it did and said is on record, and its answer.
    acted = only(attempt, AgentActed)[0]
    assert isinstance(acted, AgentActed)
    assert b"tee answer.txt" in await lived.log.get(acted.command)
    output = await lived.log.get(acted.output)
    assert b"hello" in output
    assert not [each for each in NAMES_OF_AGENTS if each in listed(output)]
    finals = [each for each in only(attempt, AgentSaid) if isinstance(each, AgentSaid) and each.final]
    assert [await lived.log.get(each.text) for each in finals] == [b"DONE"]
    # And which skills it was given, and that it read them.
    ended = only(attempt, AgentRunFinished)[0]
    assert isinstance(ended, AgentRunFinished)
    assert [each.name for each in ended.skills] == ["word/SKILL.md"]
    assert [each.name for each in ended.reads if each.read] == ["word/SKILL.md"]
    # And so is each of its calls, with its cost.
    calls = [events for name, events in lived.events.items() if name.startswith("call/word/1/")]
    assert len(calls) >= 2
    for call in calls:
        assert isinstance(call[0], CallReceived)
        assert isinstance(call[-1], ModelAnswered)
        assert call[-1].cost is not None
    # And neither key nor token were found: all it holds is what the log calls by its name.
    assert KEY.encode() not in output
    assert b"[secret:KEY]" not in output
    assert b"[token]" in output
    # And the whole run comes out again from the log alone.
    assert (await rerun(lived.log, lived.run)).complete
    made = await decisions(lived.log, lived.run)
    assert [each.point for each in made if each.recorded != each.decided] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@EVERYWHERE
async def test_without_skills_no_byte_of_one_is_touched(where: str, cache: Path, tmp_path: Path) -> None:
    """The other arm of a comparison: an agent that looks for skills, and is given none."""
    lived = await live(cache, skilled(tmp_path), "codex", where)
    ended = only(lived.events["attempt/word/1"], AgentRunFinished)[0]
    assert isinstance(ended, AgentRunFinished)
    assert (ended.skills, ended.reads) == ((), ())


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_limit_on_turns_ends_an_agent_that_is_not_ours(cache: Path, tmp_path: Path) -> None:
    """It cannot be asked to stop, but its calls can be turned away."""
    lived = await live(cache, make_base(tmp_path, SCRIPT), "codex", "local", max_turns=1)
    ended = only(lived.events["attempt/word/1"], AgentRunFinished)[0]
    assert isinstance(ended, AgentRunFinished)
    assert (ended.answered, ended.stopped) == (1, "turn_limit")
    assert any(only(events, CallRefused) for name, events in lived.events.items() if name.startswith("call/"))
    assert (await rerun(lived.log, lived.run)).complete


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_closed_agent_runs_again_from_the_log_and_what_it_asks_otherwise_is_named(
    cache: Path, tmp_path: Path
) -> None:
    """Its model's answers are taken from the log, so a change of its surroundings shows in what it asks."""
    # Given an attempt of an agent.
    base = make_base(tmp_path, SCRIPT.replace("; env;", ";").replace("/opt/stillroom/attempt/launch.json ", ""))
    lived = await live(cache, base, "codex", "local")
    # When it is run again.
    async with backend_named("local", base) as backend:
        setting = RunContext(lived.log, backend, load_prompts(), "test", {}, base, cache=cache)
        again = await replay_agent(setting, lived.run, "attempt/word/1")
        # Then it asks what it asked, but for ids of its own.
        assert again.same, again.difference
        assert (again.recorded, again.equal + again.alike) == (2, 2)
        # When its environment is another one by now.
        (base / "tasks" / "word" / "environment" / "words.txt").write_text("farewell")
        other = await replay_agent(setting, lived.run, "attempt/word/1")
    # Then the first request that differs is named, with the place and both texts.
    assert not other.same
    assert other.difference is not None
    assert other.difference.number == 2
    assert other.difference.at.startswith("input[")
    assert "hello" in other.difference.recorded
    assert "farewell" in other.difference.now


HANGING = """
name = "hanging"
[[rule]]
name = "all"
[[rule.turn]]
error = "hang"
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["interrupted", "killed"])
async def test_a_run_that_was_cut_off_under_an_agent_goes_on_with_a_fresh_attempt(
    how: str, cache: Path, tmp_path: Path
) -> None:
    """Its sandbox is gone, and so is the agent: the attempt is abandoned, its call stopped, and neither is a score."""
    # Given a run that is cut off while its agent waits for its model.
    base = make_base(tmp_path, HANGING)
    log = MemoryLog(clock=clock)
    asked = spec(agent={"name": "codex"}, method={"attempts": 1})
    async with backend_named("local", base) as backend:
        setting = RunContext(log, backend, load_prompts(), "test", {}, base, cache=cache)
        async with anyio.create_task_group() as group:
            group.start_soon(start_run, setting, asked)
            while not [each async for each in log.read(Selection(tags=("call.asked",)))]:
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        run = (await log.runs())[0]
        if how == "killed":
            setting = setting._replace(log=await until(log, run, "session.ended"))
        # When it goes on, and its model answers by now.
        (base / "script.toml").write_text(SCRIPT)
        report = await resume_run(setting, run, accept_changes=True)
    # Then the attempt was abandoned, and a fresh one solved the task.
    assert report.outcomes == {"word": "solved"}
    events: dict[str, list[Event]] = {}
    async for each in setting.log.read(Selection(run=run)):
        events.setdefault(each.stream.name, []).append(each.event)
    abandoned = events["attempt/word/1"][-1]
    assert isinstance(abandoned, AttemptAbandoned)
    assert abandoned.reason == "sandbox_lost"
    # And so says its call.
    assert isinstance(events["call/word/1/1"][-1], ScopeStopped)
    assert (await rerun(setting.log, run)).complete


async def until(log: MemoryLog, run: str, tag: str) -> MemoryLog:
    """Give a log as it stood before the first event of a tag, as a process leaves it that is killed."""
    cut = MemoryLog(clock=clock)
    cut._kept.blobs.update(log._kept.blobs)
    async for each in log.read(Selection(run=run)):
        if tag_of(each.event) == tag:
            break
        await cut.append(each.stream, [Draft(each.event, each.cause)], expected_version=each.version - 1)
    return cut
