"""A session that tried a task goes on and writes skills: it is the same conversation, or it is refused by name."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.core.ports import EffectAddress
from engine.effects.conversation import ConversationReader
from engine.policies.library.patch import Patch
from engine.programs.evolve.author.session import RESUMABLE, SessionPort, reflect_in_session, why_not_resumable
from engine.programs.train.optimizer.terms import Came
from events.base import Draft, Event, Ref, StreamId
from events.digest import digest_of
from events.store.memory import MemoryLog
from events.types.attempt import AttemptOpened
from events.types.authoring import AuthorOpened, SessionAsked, SessionMissing, TracedTrial
from events.types.evaluation import EvaluationScored
from events.types.model import ModelAsked
from events.types.trial import TrialOpened
from replay.redecide import decisions
from replay.rerun import rerun
from tests.events.samples import sample
from tests.support.authoring import SKILL, Authored, TriedTasks, answer, authored
from tests.support.orders import CountingClock

EDIT: Final = {"op": "replace", "target": "Guess the word.", "content": "Read the word, then write it."}
GOOD: Final = answer({"summary": "Read first.", "operation": "revise", "edits": [EDIT]})


def more(*answers: str) -> str:
    """Write what the script of the trial says after its end: to a script, a session that goes on is the same one."""
    return "".join(f"[[rule.turn]]\ntext = {json.dumps(each)}\n" for each in answers)


class SessionHeard:
    """What a course came to."""

    came: Came[Patch]


async def reflected(base: Path, answers: str, **changes: Any) -> tuple[Authored, Came[Patch]]:
    """Have the session of the last trial reflect."""

    async def course(tried: TriedTasks) -> None:
        trials = changes.get("trials", tried.trials)
        heard.came = await tried.ask("author/arm/E1/one", reflect_in_session, tried.brief(trials=trials), "solver")

    heard = SessionHeard()
    run = await authored(base, course, answers, feedback="binary", author="session")
    assert (await rerun(run.log, run.run)).complete
    assert all(each.agrees for each in await decisions(run.log, run.run))
    return run, heard.came


async def conversation(run: Authored, stream: str) -> list[dict[str, Any]]:
    """Give all messages of the last question of a stream."""
    asked = [each.event for each in await run.events("model.asked") if each.stream.name == stream]
    assert isinstance(asked[-1], ModelAsked)
    return [msgspec.json.decode(each) for each in await ConversationReader(run.log).messages(asked[-1].conversation)]


async def test_the_session_goes_on_where_the_trial_ended(tmp_path: Path) -> None:
    """Given a shell agent that tried a task, the author's question is the next message of its own conversation."""
    run, came = await reflected(tmp_path, more(GOOD))
    assert came.ending == "read"
    assert came.value is not None
    assert [each.file for each in came.value.edits] == ["copy-words/SKILL.md"]
    tried = await conversation(run, "attempt/arm.E1/one/1/1")
    asked = await conversation(run, "author/arm/E1/one")
    assert asked[: len(tried)] == tried
    said, question = asked[len(tried) :]
    assert (said["role"], said["content"]) == ("assistant", "DONE")
    assert question["role"] == "user"
    assert question["content"].startswith("Role: author\nStage: reflect\n")
    assert SKILL.rstrip() in question["content"]
    assert "# Trajectories" not in question["content"]
    assert "Not solved." in question["content"]
    (opened,) = await run.events("author.opened")
    assert isinstance(opened.event, AuthorOpened)
    assert opened.event.stage == "reflect"


async def test_the_model_of_the_session_is_the_one_that_tried_the_task(tmp_path: Path) -> None:
    """What the session writes is asked of the solver's model."""
    run, _ = await reflected(tmp_path, more(GOOD))
    asked = [each.event for each in await run.events("model.asked") if each.stream.name == "author/arm/E1/one"]
    assert [each.role for each in asked if isinstance(each, ModelAsked)] == ["solver"]


async def test_an_answer_of_the_session_is_asked_for_again_as_an_author_s_is(tmp_path: Path) -> None:
    """A session that goes on working, instead of writing, is told what is wrong."""
    run, came = await reflected(tmp_path, more("I run `ls` once more.", GOOD))
    assert came.ending == "read"
    last = await conversation(run, "author/arm/E1/one")
    assert "cannot be used as it is" in last[-1]["content"]
    assert last[-2]["content"] == "I run `ls` once more."


async def found(agent: str, *, scored: bool = True) -> Event:
    """Ask for the session of a made-up cell that an agent worked in."""
    log = MemoryLog(clock=CountingClock())

    async def put(stream: str, *events: Event) -> None:
        await log.append(StreamId("run-1", stream), [Draft(each, None) for each in events], expected_version=0)

    if scored:
        key = log.put(b"{}")
        await put("cell/a/t/1", EvaluationScored(key, False, 0.0, Ref("trial/a/t/1", 1), ()))
    opened = sample(TrialOpened)
    await put("trial/a/t/1", opened)
    await put("attempt/a/t/1/1", AttemptOpened("a/t/1", 1, agent, digest_of(b"x")))
    return await SessionPort(log)(SessionAsked("cell/a/t/1"), EffectAddress("run-1", "author/a/E1/t", 1))


@pytest.mark.parametrize("agent", ["codex", "claude-code", "oracle"])
async def test_the_session_of_an_installed_agent_is_refused_by_name(agent: str) -> None:
    """Its conversation ended with its sandbox: nothing that looks like it is made up."""
    missing = await found(agent)
    assert isinstance(missing, SessionMissing)
    assert agent in missing.reason
    assert "shell" in missing.reason
    assert why_not_resumable(agent) == missing.reason


async def test_a_session_that_never_spoke_and_a_cell_that_was_not_tried_have_none() -> None:
    """Each is named."""
    silent, unscored = await found("shell"), await found("shell", scored=False)
    assert isinstance(silent, SessionMissing)
    assert silent.reason == "its model never answered"
    assert isinstance(unscored, SessionMissing)
    assert [why_not_resumable(each) for each in RESUMABLE] == [""]


async def test_nothing_is_asked_where_there_is_no_session(tmp_path: Path) -> None:
    """The ending says why, and the trial is named as one that could not be told."""
    lost = TracedTrial("cell/arm.E1/none/1", "none", "canonical")
    run, came = await reflected(tmp_path, more(GOOD), trials=(lost,))
    assert (came.value, came.ending) == (None, "nothing_shown")
    assert [each.item for each in came.hidden] == ["none"]
    assert not [each for each in await run.events("model.asked") if each.stream.name.startswith("author/")]
