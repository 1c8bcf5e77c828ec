"""An agent works on an item in a sandbox: it reads what it is given, and is scored outside by what it left there."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.errors import KitUnavailable
from engine.agents.installed.packages import AgentPackages
from engine.agents.registry import agent_named
from engine.config.errors import ConfigRefused
from engine.core.fold import fold_run
from engine.core.prompts import load_prompts
from engine.effects.conversation import ConversationReader
from engine.items.errors import WayUnsupported
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.base import Recorded
from events.bundle.copy import copy
from events.integrity.verify import verify
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.item import ItemAnswered, ItemScored
from events.types.model import ModelAsked
from events.types.sandbox import ActionObserved, FilesTaken, SandboxAsked
from projections.exposure import Exposures
from replay.agents.replay import replay_agent
from replay.redecide import decisions
from replay.rerun import rerun
from sandbox.base import SandboxBackend
from tests.engine.agents.installed.test_agents import backend_named
from tests.engine.programs.evaluate.test_evaluate import LAMPS, calls, evaluation
from tests.support.crashes import ended, in_memory, world
from tests.support.mutation import mutate
from tests.support.orders import CountingClock
from tests.support.quiz import quiz_installed
from tests.support.quiz_runs import make_items
from tests.support.runs import ASIDE

MOUNT: Final = "/opt/stillroom/attempt/skills"
WORKER: Final = f"""\
name = "worker"

{ASIDE}
[[rule]]
name = "reads the context"
contains = ["blue lamp?", "Blue is B2."]
[[rule.turn]]
command = "echo B2 > answer.txt"
[[rule.turn]]
text = "DONE"

[[rule]]
name = "looks whether a skill says it"
contains = ["amber lamp?"]
[[rule.turn]]
command = "grep -rho K7 {MOUNT} > answer.txt; ls"
[[rule.turn]]
text = "DONE"
"""
"""Knows of the amber lamp only what it reads through the mount."""
ARMS: Final = {"none": {"skills": ""}, "skill": {"skills": "skills"}}
IN_SANDBOX: Final = {"items": {"folder": "quiz"}, "rollout": {"way": "agent"}}


def base_of(folder: Path, script: str = WORKER) -> Path:
    """Make a set of questions, a worker and a skill that knows one answer."""
    if not (folder / "quiz").exists():
        make_items(folder / "quiz")
    (folder / "script.toml").write_text(script)
    (folder / "skills" / "told").mkdir(parents=True)
    (folder / "skills" / "told" / "SKILL.md").write_text(LAMPS)
    return folder


async def worked(log: EventLog, base: Path, backend: SandboxBackend, **changes: Any) -> tuple[str, dict[str, str]]:
    """Evaluate both arms in sandboxes; give the run and its outcomes."""
    cache = changes.pop("cache", None)
    own = {**IN_SANDBOX, **changes.pop("own", {})}
    asked = evaluation(ARMS, tasks="", sandbox=backend.name, own=own, **changes)
    report = await start_run(RunContext(log, backend, load_prompts(), "test", {}, base, cache=cache), asked)
    return report.run, report.outcomes


async def events(log: EventLog, run: str, *tags: str) -> list[Recorded]:
    """Read events of a run."""
    return [each async for each in log.read(Selection(run=run, tags=set(tags)))]


SCORED: Final = {
    "none/quiz.amber.1": "unsolved",
    "none/quiz.blue.1": "solved",
    "skill/quiz.amber.1": "solved",
    "skill/quiz.blue.1": "solved",
}


@pytest.mark.parametrize("where", ["local", pytest.param("docker", marks=pytest.mark.docker)])
async def test_an_agent_is_scored_by_what_it_leaves_in_its_sandbox(where: str, tmp_path: Path) -> None:
    """Given a skill that is only mounted, the arm that has it solves what it says, and a replay needs no sandbox."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    async with backend_named(where, tmp_path) as backend:
        run, outcomes = await worked(log, base, backend)
        again, same = await worked(log, base, backend)
    assert outcomes == same == SCORED
    assert await calls(log, again) == 0
    assert (await rerun(log, run)).complete
    assert all(each.agrees for each in await decisions(log, run))


async def test_that_the_skill_was_read_is_proved_by_its_mount(tmp_path: Path) -> None:
    """By the kernel's word, cell by cell: who looked for the answer in it, and who did not."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    async with backend_named("local", tmp_path) as backend:
        run, _ = await worked(log, base, backend)
    (state,) = await fold_run(log, [Exposures()], run)
    found = {each.trial: dict(each.skills) for each in state.runs[run].values() if each.given}
    assert found == {"skill/quiz.amber.1": {"told": "yes"}, "skill/quiz.blue.1": {"told": "no"}}


async def test_what_is_expected_never_gets_into_the_sandbox(tmp_path: Path) -> None:
    """Neither into a file, nor into what the agent is told; and both arms are told the same bytes."""
    make_items(tmp_path / "quiz", [{"id": "x", "question": "amber lamp?", "answers": ["nobody-guesses"]}])
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    async with backend_named("local", tmp_path) as backend:
        run, _ = await worked(log, base, backend)
    for each in await events(log, run, "sandbox.asked"):
        assert isinstance(each.event, SandboxAsked)
        assert each.event.workspace is not None
        assert each.event.workspace.files == ()
    users = []
    for each in await events(log, run, "model.asked"):
        assert isinstance(each.event, ModelAsked)
        said = await ConversationReader(log).messages(each.event.conversation)
        assert all(b"nobody-guesses" not in message for message in said)
        users.append(said[1])
    assert len(users) == 4
    assert len({*users}) == 1


async def test_files_of_an_item_lie_in_its_working_folder_and_images_too(tmp_path: Path) -> None:
    """OfficeQA's documents by their paths, a page of DocVQA as an image; a copy of the log has them all."""
    folder = tmp_path / "quiz" / "test"
    (folder / "documents" / "old").mkdir(parents=True)
    (folder / "documents" / "old" / "1940.txt").write_text("Total receipts: 2,602 million\n")
    row = {"uid": "U1", "question": "What were receipts?", "answer": "2602", "source_files": "old/1940.txt"}
    (folder / "items.json").write_text(json.dumps([row]))
    reads = "cat old/1940.txt; grep -o '2,602' old/1940.txt > answer.txt"
    script = (
        f'name = "reader"\n[[rule]]\nname = "reads"\n[[rule.turn]]\ncommand = "{reads}"\n[[rule.turn]]\ntext = "DONE"\n'
    )
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path, script)
    async with backend_named("local", tmp_path) as backend:
        run, outcomes = await worked(log, base, backend, own={"items": {"folder": "quiz", "format": "officeqa"}})
    assert set(outcomes.values()) == {"solved"}
    seen = [each.event for each in await events(log, run, "action.observed")]
    assert [await log.get(each.stdout) for each in seen if isinstance(each, ActionObserved)] == [
        b"Total receipts: 2,602 million\n"
    ] * 2
    other = MemoryLog(clock=CountingClock())
    await copy(log, other)
    assert (await verify(other)).sound
    assert (await rerun(other, run)).complete


async def test_an_agent_that_leaves_no_answer_is_wrong_and_one_that_breaks_has_no_score(tmp_path: Path) -> None:
    """What it did not write is its own doing; that its model was gone is not."""
    lazy = WORKER.replace("echo B2 > answer.txt", "true").replace(
        f"grep -rho K7 {MOUNT} > answer.txt; ls", "mkdir answer.txt"
    )
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path, lazy)
    async with backend_named("local", tmp_path) as backend:
        run, outcomes = await worked(log, base, backend)
        assert set(outcomes.values()) == {"unsolved"}
        for each in await events(log, run, "files.taken", "item.answered"):
            match each.event:
                case FilesTaken(files=files, missing=missing):
                    assert (files, list(missing)) == ((), ["answer.txt"])
                case ItemAnswered(answer=answer, files=files):
                    assert (answer, files) == (None, ())
                case _:
                    pytest.fail(str(each.event))
        (base / "script.toml").write_text(
            'name = "gone"\n[[rule]]\nname = "any"\n[[rule.turn]]\nerror = "bad_request"\nrepeat = true\n'
        )
        run, outcomes = await worked(log, base, backend)
    assert set(outcomes.values()) == {"infrastructure"}
    scored = [each.event for each in await events(log, run, "item.scored")]
    assert [(each.hard, each.soft) for each in scored if isinstance(each, ItemScored)] == [(None, None)] * 4
    assert await events(log, run, "files.asked") == []
    assert (await rerun(log, run)).complete


PRETENDED: Final = WORKER.replace(f"grep -rho K7 {MOUNT} > answer.txt; ls", "echo K7 > answer.txt")


@pytest.mark.parametrize("step", [pytest.param(5, marks=[pytest.mark.slow, pytest.mark.timeout(900)]), 41])
async def test_it_survives_a_death_at_any_moment(step: int, tmp_path: Path) -> None:
    """Where the sandbox is gone with its process, the agent begins anew; no answered call is paid for again."""
    async with world(tmp_path, script=PRETENDED) as here:
        make_items(here.base / "quiz")
        own = {**IN_SANDBOX, "arms": {"one": {"note": "1"}, "two": {"note": "2"}}, "baseline": "one", "reuse": "own"}
        armed = here._replace(spec=msgspec.structs.replace(here.spec, program="evaluate", tasks="", own=own))
        opened = in_memory()
        plain = await ended(armed, (), opened)
        async with opened() as log:
            wanted = await _outcomes(log)
        assert len(wanted) == 4
        for moment in range(0, plain.moments[0], step):
            opened = in_memory()
            seen = await ended(armed, (moment,), opened)
            assert (seen.overdrawn, seen.again) == ([], 0), seen.deaths
            async with opened() as log:
                assert await _outcomes(log) == wanted, seen.deaths


async def _outcomes(log: EventLog) -> dict[str, str]:
    found = [each async for each in log.read(Selection(tags={"item.scored"}))]
    return {each.stream.name: each.event.outcome for each in found if isinstance(each.event, ItemScored)}


@pytest.mark.slow
async def test_no_ruling_is_passed_on_in_disguise(tmp_path: Path) -> None:
    """Each decision is answered otherwise once: what later ones see is what substitution gives."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    async with backend_named("local", tmp_path) as backend:
        run, _ = await worked(log, base, backend)
    assert (await mutate(log, run)).found == ()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("agent", ["codex", "qwen-code"])
async def test_an_installed_agent_works_on_an_item(agent: str, cache: Path, tmp_path: Path) -> None:
    """It is told of the skill by its own means, reads it through the same mount, and leaves its answer in that file."""
    found = agent_named(agent)
    assert isinstance(found, InstalledAgent)
    try:
        await AgentPackages(cache).ready(found.recipe)
    except KitUnavailable as error:
        pytest.skip(f"REAL AGENT NOT TRIED: {error.problem}")
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    async with backend_named("local", tmp_path) as backend:
        run, outcomes = await worked(log, base, backend, agent={"name": agent}, cache=cache)
        means = RunContext(log, backend, load_prompts(), "test", {}, base, cache=cache)
        again = await replay_agent(means, run, "attempt/skill/quiz.amber.1/1")
    assert outcomes == SCORED
    assert again.recorded == again.equal + again.alike > 0
    assert again.difference is None
    assert (await rerun(log, run)).complete


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"own": {"rollout": {"way": "agent", "dockerfile": "RUN true"}}}, "has no FROM"),
        ({"agent": {"name": "oracle"}, "own": {"arms": {"none": {}, "more": {"note": "x"}}}}, "has no solution"),
        ({"own": {"items": {"folder": "quiz", "format": "calls_only"}}}, "cannot be rolled out by the way 'agent'"),
    ],
)
async def test_what_cannot_work_is_refused_before_anything_is_recorded(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """A Dockerfile that cannot be read, an agent that needs a solution, a format that is not scored so."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    with quiz_installed(tmp_path / "installed", "[stillroom.items]", "calls_only = tests.support.quiz:CALLS_ONLY"):
        async with backend_named("local", tmp_path) as backend:
            with pytest.raises((ConfigRefused, WayUnsupported), match=said) as refused:
                await worked(log, base, backend, **changes)
    assert refused.value.remedy
    assert [each async for each in log.read()] == []


@pytest.mark.slow
async def test_the_way_and_its_sandbox_are_part_of_the_key(tmp_path: Path) -> None:
    """A score that was got in one call is none of an agent's, and another image is another environment."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    async with backend_named("local", tmp_path) as backend:
        await worked(log, base, backend)
        other = {"way": "agent", "dockerfile": "FROM debian:bookworm-slim\nWORKDIR /work\n"}
        same = {"way": "agent", "turns": 3}
        asked = [await worked(log, base, backend, own={"rollout": each}) for each in (other, same)]
    counted = [await calls(log, run) for run, _ in asked]
    assert [each > 0 for each in counted] == [True, False], "how a folder is shown does not reach an agent"
