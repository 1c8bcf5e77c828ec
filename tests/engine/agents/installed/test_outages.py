"""Stories of real agents whose provider is gone: no score comes of it, whatever their exit code."""

from pathlib import Path

import pytest

from engine.core.prompts import load_prompts
from engine.runtime.context import RunContext
from events.base import Event
from events.types.agent import AgentRunFinished, CallFailed
from events.types.attempt import AgentEnded, AttemptJudged
from events.types.memo import MemoRewritten
from events.types.sandbox import VerifyAsked
from replay.agents.replay import replay_agent
from replay.rerun import rerun
from tests.engine.agents.installed.test_agents import AgentRun, backend_named, live, only
from tests.support.runs import ASIDE, make_base


def script(*turns: str) -> str:
    """Script a model that answers its agent's first question with a command, and then does as told."""
    work = '[[rule]]\nname = "works"\n[[rule.turn]]\ncommand = "cp words.txt answer.txt"\n'
    return 'name = "outage"\n' + ASIDE + work + "".join(f"[[rule.turn]]\n{turn}\n" for turn in turns)


def one(lived: AgentRun, kind: type[Event]) -> Event:
    """Give the only event of a kind of the attempt."""
    (event,) = only(lived.events["attempt/word/1"], kind)
    return event


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("agent", "turn", "kind"),
    [
        ("codex", 'error = "rate_limit"', "rate_limit"),
        ("codex", 'error = "bad_request"', "bad_request"),
        ("qwen-code", 'error = "authentication"', "authentication"),
        ("qwen-code", 'error = "quota"', "rate_limit"),
        ("claude-code", 'error = "bad_request"', "bad_request"),
        ("opencode", 'error = "bad_request"', "bad_request"),
        ("gemini-cli", 'error = "bad_request"', "bad_request"),
    ],
)
async def test_an_outage_under_an_agent_is_nobodys_score(
    agent: str, turn: str, kind: str, cache: Path, tmp_path: Path
) -> None:
    """It had even solved the task by then; what its provider did to it says nothing, and no memo is written from it.

    Some give up at once, with whichever exit code; others ask again until their time is over.
    """
    lived = await live(cache, make_base(tmp_path, script(turn + "\nrepeat = true")), agent, "local", timeout_s=45)
    assert lived.outcomes == {"word": "infrastructure"}
    finished, ended, judged = (one(lived, each) for each in (AgentRunFinished, AgentEnded, AttemptJudged))
    assert isinstance(finished, AgentRunFinished)
    assert isinstance(ended, AgentEnded)
    assert isinstance(judged, AttemptJudged)
    assert finished.answered >= 1
    assert finished.unanswered
    assert {each.kind for each in finished.unanswered} == {kind}
    assert ended.reason == "failed"
    assert ended.detail == f"{kind}: {finished.unanswered[-1].detail}"
    assert (judged.outcome.kind, judged.outcome.reward) == ("infrastructure", None)
    everything = [event for events in lived.events.values() for event in events]
    assert not only(everything, VerifyAsked)
    assert not only(everything, MemoRewritten)
    assert (await rerun(lived.log, lived.run)).complete


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("agent", ["codex", "qwen-code"])
async def test_a_failure_that_the_agent_got_over_is_none(agent: str, cache: Path, tmp_path: Path) -> None:
    """It asked again, was answered, and ended by itself: the verifier judges."""
    turns = 'error = "server"\ntimes = 1\ntext = "DONE"'
    lived = await live(cache, make_base(tmp_path, script(turns)), agent, "local")
    assert lived.outcomes == {"word": "solved"}
    finished = one(lived, AgentRunFinished)
    assert isinstance(finished, AgentRunFinished)
    assert (finished.unanswered, finished.cut) == ((), 0)
    assert (await rerun(lived.log, lived.run)).complete


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("turns", "outcome", "reason"),
    [
        (script('error = "context_length"\nrepeat = true'), "solved", "context_limit"),
        ('name = "outage"\n' + ASIDE + '[[rule]]\nname = "all"\n[[rule.turn]]\nerror = "context_length"\n',
         "infrastructure", "failed"),
    ],
    ids=["after an action", "before any"],
)  # fmt: skip
async def test_a_window_that_is_full_is_the_agents_only_once_it_has_acted(
    turns: str, outcome: str, reason: str, cache: Path, tmp_path: Path
) -> None:
    """As for the shell agent."""
    lived = await live(cache, make_base(tmp_path, turns), "codex", "local")
    ended = one(lived, AgentEnded)
    assert isinstance(ended, AgentEnded)
    assert (lived.outcomes, ended.reason) == ({"word": outcome}, reason)
    assert (await rerun(lived.log, lived.run)).complete


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("agent", ["codex", "claude-code", "qwen-code", "opencode"])
async def test_an_agent_that_met_a_limit_meets_it_again(agent: str, cache: Path, tmp_path: Path) -> None:
    """It is told when to ask again, as then; so it asks again what it asked, or stops where it stopped."""
    limit = 'error = "rate_limit"\nretry_after_s = 1\ntimes = 1\n'
    base = make_base(tmp_path, script(limit + 'text = "DONE"'))
    lived = await live(cache, base, agent, "local", timeout_s=60)
    async with backend_named("local", base) as backend:
        setting = RunContext(lived.log, backend, load_prompts(), "test", {}, base, cache=cache)
        again = await replay_agent(setting, lived.run, "attempt/word/1")
    assert again.difference is None, again.difference
    assert (again.unasked, again.first_unasked, again.headerless) == (0, None, 0)
    assert again.recorded == again.equal + again.alike > 1
    calls = [event for name, events in lived.events.items() if name.startswith("call/") for event in events]
    (limited,) = [each for each in only(calls, CallFailed) if isinstance(each, CallFailed)][:1]
    assert limited.told.status == 429
    assert "retry-after" in {each.name for each in limited.told.headers}
