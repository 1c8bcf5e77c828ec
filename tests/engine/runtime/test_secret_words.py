"""Stories of values that are secrets by the names of their variables, and words of a run by themselves."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec import structs
from typing_extensions import override

from engine.config.spec import RunSpec
from engine.core.divergence import same
from engine.core.errors import SpecUnreadable
from engine.core.ports import EffectAddress
from engine.core.scope import Scope
from engine.runtime.run import resume_run, start_run
from engine.runtime.secrets import redactor_of
from events.base import Draft, Event, StreamId
from events.digest import digest_of
from events.errors import SecretUnusable
from events.redaction.redactor import Redactor
from events.store.memory import MemoryLog
from events.types.attempt import AgentEnded
from events.types.model import ModelAsked
from events.types.run import RunOpened
from events.types.sandbox import ActionAsked, SandboxFailed
from replay.rerun import rerun
from tests.engine.runtime.test_resume import all_blobs, cut
from tests.support.runs import SCRIPT, make_base, setting, spec
from tests.support.worlds import Echo, Ticking, closed_world, live_world

KEYED = {"model": "ollama-llama3", "base_url": "script:script.toml", "api_key_env": "MY_LLM"}


async def run_with(environment: Mapping[str, str], base: Path, wanted: RunSpec) -> tuple[MemoryLog, str, list[str]]:
    """Carry a run whose process has these variables; give its log, its id, and what a person was told."""
    warned: list[str] = []
    redactor, ignored = redactor_of(environment, ["MY_LLM"] if "MY_LLM" in environment else [])
    warned += [each.name for each in ignored]
    log = MemoryLog(clock=Ticking(), redactor=redactor)
    here = await setting(log, base, environment)
    run = (await start_run(here._replace(warn=warned.append), wanted)).run
    return log, run, warned


@pytest.mark.slow
@pytest.mark.parametrize(
    "value",
    ["sandbox", "solved", "script", "teacher", "attempt/", "run.opened", "passed", "content", "command", "reflector"],
)
async def test_a_guess_that_is_a_word_of_the_run_changes_nothing(value: str, tmp_path: Path) -> None:
    """``X_TOKEN=sandbox`` once made every replay an internal error, and ``solved`` ended runs midway."""
    base = make_base(tmp_path, SCRIPT)
    log, run, warned = await run_with({"X_TOKEN": value}, base, spec(method={"attempts": 2}))
    assert len(warned) == 1
    assert "X_TOKEN" in warned[0]
    assert (await rerun(log, run)).complete
    assert "[secret:" not in str([each.event async for each in log.read()])


async def test_a_guess_that_is_the_name_of_a_task_changes_nothing(tmp_path: Path) -> None:
    """It is in the names of streams, where nothing can be replaced."""
    base = make_base(tmp_path, SCRIPT)
    (base / "tasks/word").rename(base / "tasks/my-own-task")
    log, run, warned = await run_with({"X_TOKEN": "my-own-task"}, base, spec(method={"attempts": 2}))
    assert len(warned) == 1
    assert "the name of the trial my-own-task" in warned[0]
    assert (await rerun(log, run)).complete


@pytest.mark.parametrize(
    ("value", "where"),
    [("ollama", "the spec"), ("solved", "the words of events"), ("cell_score", "the names of points of decision")],
)
async def test_a_key_that_the_spec_names_is_refused_where_it_is_a_word_of_the_run(
    value: str, where: str, tmp_path: Path
) -> None:
    """A resume once asked for the model ``[secret:OPENAI_API_KEY]-llama3``. Nothing is recorded before."""
    base = make_base(tmp_path, SCRIPT)
    with pytest.raises(SecretUnusable, match=f"MY_LLM.*{where}"):
        await run_with({"MY_LLM": value}, base, spec(models={"teacher": KEYED}))


async def test_nothing_is_recorded_before_a_key_is_refused(tmp_path: Path) -> None:
    """Not even that the run began."""
    base, log = make_base(tmp_path, SCRIPT), MemoryLog(clock=Ticking(), redactor=Redactor({"MY_LLM": "ollama"}))
    with pytest.raises(SecretUnusable):
        await start_run(await setting(log, base, {"MY_LLM": "ollama"}), spec(models={"teacher": KEYED}))
    assert (await log.head()).position == 0


async def test_a_resume_checks_again_since_its_variables_may_be_others(tmp_path: Path) -> None:
    """A key that was innocent when the run began may stand in its spec today."""
    base = make_base(tmp_path, SCRIPT)
    log, run, _ = await run_with({"MY_LLM": "made-up-value-1"}, base, spec(models={"teacher": KEYED}))
    begun = await cut(log, 20)
    begun.redactor = Redactor({"MY_LLM": "ollama"})
    with pytest.raises(SecretUnusable, match="MY_LLM"):
        await resume_run(await setting(begun, base, {"MY_LLM": "ollama"}), run)
    assert (await begun.head()).position == 20


@pytest.mark.parametrize("where", ["instruction.md", "environment/words.txt", "tests/test.sh"])
async def test_a_guess_that_a_task_holds_changes_neither_the_task_nor_the_score(where: str, tmp_path: Path) -> None:
    """With the mark in the place of the word, the agent was told another task than the verifier judged."""
    base = make_base(tmp_path, SCRIPT)
    told = base / "tasks/word" / where
    told.write_text(told.read_text() + ("# postgres\n" if where.endswith(".sh") else "\npostgres\n"))
    log, run, warned = await run_with({"DB_PASSWORD": "postgres"}, base, spec(method={"attempts": 2}))
    assert len(warned) == 1
    assert "the task word" in warned[0]
    assert (await rerun(log, run)).complete


async def test_a_command_that_holds_a_secret_is_told_and_not_run_with_a_mark_in_its_place(tmp_path: Path) -> None:
    """What is kept is run, so it would be another command; nor is the value on record."""
    read, turn = 'command = "cat words.txt | tee answer.txt"', "[[rule.turn]]\n"
    instead = f'command = "echo made-up-value-1 > answer.txt"\n{turn}command = "cp words.txt answer.txt"'
    script = SCRIPT.replace(read, instead)
    assert script != SCRIPT
    log, run, _ = await run_with(
        {"X_TOKEN": "made-up-value-1"}, make_base(tmp_path, script), spec(method={"attempts": 2})
    )
    commands = [await log.get(each.event.command) async for each in log.read() if isinstance(each.event, ActionAsked)]
    assert commands
    assert not [each for each in commands if b"secret" in each or b"made-up" in each]
    assert b"cp words.txt answer.txt" in commands
    assert (await rerun(log, run)).complete


class Telling(Echo):
    """Breaks each time, and names a key when it says why."""

    @override
    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Break."""
        return SandboxFailed("lost", "the engine said: made-up-value-1 is wrong")


async def counted(scope: Scope) -> None:
    """Record how long the words were that the world failed with: something that follows from them."""
    seen = await scope.effect(ActionAsked(scope.put(b"ls"), None))
    assert isinstance(seen, SandboxFailed)
    await scope.record(AgentEnded("failed", f"{len(seen.detail)} characters", 0))


async def test_an_actor_goes_on_with_what_is_on_record() -> None:
    """What follows from the words of the world is decided from those that a replay will read."""
    log = MemoryLog(clock=Ticking(), redactor=Redactor({"KEY": "made-up-value-1"}))
    await counted(Scope(live_world(log, Telling(log)), "attempt/a/1"))
    again = Scope(await closed_world(log), "attempt/a/1")
    await counted(again)
    await again.finish()


@pytest.mark.parametrize(
    ("recorded", "decided", "equal"),
    [
        ("a [secret:KEY] b", "a word b", True),
        ("a [secret:KEY] b", "a  b", True),
        ("[secret:KEY]", "anything", True),
        ("[secret:A][secret:B]!", "anything!", True),
        ("a [secret:KEY] b", "a word c", False),
        ("a [secret:KEY] b", "x word b", False),
        ("ab[secret:KEY]ba", "aba", False),
        ("a [secret:KEY] b [secret:KEY] c", "a b c", False),
        ("a word b", "a [secret:KEY] b", False),
    ],
)
async def test_what_stood_behind_a_mark_is_not_compared(recorded: str, decided: str, *, equal: bool) -> None:
    """An earlier version replaced words of its own; what stands around the mark must still be the same."""
    log = MemoryLog(clock=Ticking())
    await log.append(StreamId("r", "attempt/a/1"), [Draft(AgentEnded("done", recorded, 1), None)], expected_version=0)
    (kept,) = [each async for each in log.read()]
    assert same(kept, AgentEnded("done", decided, 1)) is equal
    assert not same(kept, AgentEnded("done", decided, 2))


async def test_a_mark_stands_for_nothing_beyond_its_own_text() -> None:
    """Two texts of an event are two texts."""
    log = MemoryLog(clock=Ticking())
    asked = ModelAsked("teacher", "[secret:A]", digest_of(b""), None, {}, stream=False, timeout_s=None)
    await log.append(StreamId("r", "attempt/a/1"), [Draft(asked, None)], expected_version=0)
    (kept,) = [each async for each in log.read()]
    assert same(kept, structs.replace(asked, model='a "quoted" \\ name'))
    assert not same(kept, structs.replace(asked, model="m", conversation=digest_of(b"other")))


async def test_a_spec_that_an_earlier_version_spoilt_is_named(tmp_path: Path) -> None:
    """It once was an internal error."""
    base = make_base(tmp_path, SCRIPT)
    log, run, _ = await run_with({}, base, spec())
    spoilt = await cut(log, (await log.head()).position)
    (opened,) = [each.event async for each in log.read() if isinstance(each.event, RunOpened)]
    spec_now = (await log.get(opened.spec)).replace(b'"sandbox"', b'"[secret:X_TOKEN]"')
    again = MemoryLog(clock=Ticking())
    for name in await all_blobs(log):
        again.put(await log.get(name))
    named = again.put(spec_now)
    async for each in spoilt.read():
        event = structs.replace(each.event, spec=named) if isinstance(each.event, RunOpened) else each.event
        await again.append(each.stream, [Draft(event, each.cause)], expected_version=each.version - 1)
    with pytest.raises(SpecUnreadable, match="secret:X_TOKEN"):
        await rerun(again, run)
