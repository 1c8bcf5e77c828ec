"""Stories of runs whose model is gone, or does not take what it is sent: no score comes of it, and no memo."""

from pathlib import Path

import pytest

from engine.core.errors import CallsRefused
from engine.core.history import load_histories
from engine.runtime.run import start_run
from events.base import Event
from events.store.memory import MemoryLog
from events.types.attempt import AgentEnded, AttemptJudged
from events.types.memo import MemoRewritten
from events.types.sandbox import ActionObserved, VerifyAsked
from replay.rerun import rerun
from tests.engine.providers.support_server import Handler, answer, completion, serving
from tests.support.pretend import pretended
from tests.support.runs import make_base, spec
from tests.support.worlds import Ticking

CALL = {"id": "1", "type": "function", "function": {"name": "run", "arguments": '{"command":"ls"}'}}
LOOK = completion({"role": "assistant", "content": None, "tool_calls": [CALL]})
FULL = answer('{"error":{"message":"Prompt exceeds max length","code":"1261"}}', 400)
SETTING = answer('{"error":{"message":"max_tokens is larger than the maximum output tokens 8192"}}', 400)


async def attempted(folder: Path, *answers: Handler) -> tuple[MemoryLog, str, list[Event]]:
    """Run the task of the tests for one attempt; give the log, the run and the attempt's events."""
    log = MemoryLog(clock=Ticking())
    base = make_base(folder)
    async with serving(*answers) as endpoint:
        teacher = {"model": "m", "base_url": endpoint.url, "tries": 1}
        asked = spec(models={"teacher": teacher, "reflector": teacher}, method={"attempts": 1})
        run = (await start_run(pretended(log, base), asked)).run
    streams = (await load_histories(log, run)).by_stream
    assert not [each for events in streams.values() for each in events if isinstance(each.event, MemoRewritten)]
    assert (await rerun(log, run)).complete
    return log, run, [each.event for each in streams["attempt/word/1"]]


def only(events: list[Event], kind: type[Event]) -> list[Event]:
    """Pick events of a kind."""
    return [event for event in events if isinstance(event, kind)]


def ended(events: list[Event]) -> AgentEnded:
    """Give how the agent ended."""
    (event,) = [each for each in events if isinstance(each, AgentEnded)]
    return event


def outcome(events: list[Event]) -> tuple[str, float | None]:
    """Give how the attempt was judged."""
    (event,) = [each for each in events if isinstance(each, AttemptJudged)]
    return event.outcome.kind, event.outcome.reward


async def test_a_conversation_that_grew_too_long_ends_the_attempt_and_is_judged(tmp_path: Path) -> None:
    """It is the agent's own: what it did until then counts."""
    _, _, events = await attempted(tmp_path, answer(LOOK), FULL)
    assert only(events, ActionObserved)
    assert ended(events).reason == "context_limit"
    assert only(events, VerifyAsked)
    assert outcome(events) == ("failed", 0.0)


async def test_before_the_first_action_a_window_that_is_too_small_is_nobodys_score(tmp_path: Path) -> None:
    """The task as it is asked does not fit: nothing was done that could be judged, and the verifier is not asked."""
    _, _, events = await attempted(tmp_path, FULL)
    assert ended(events).reason == "failed"
    assert "name a model with a larger window" in ended(events).detail
    assert not only(events, VerifyAsked)
    assert outcome(events) == ("infrastructure", None)


async def test_a_setting_that_is_refused_at_once_stops_the_run(tmp_path: Path) -> None:
    """Every call would be refused as the first is; the message names the setting."""
    with pytest.raises(CallsRefused) as caught:
        await attempted(tmp_path, SETTING)
    assert "lower models.teacher.parameters.max_tokens" in caught.value.remedy


async def test_a_setting_that_is_refused_later_is_no_score(tmp_path: Path) -> None:
    """Its words look like those for a conversation that is too long; the message names the setting."""
    _, _, events = await attempted(tmp_path, answer(LOOK), SETTING)
    assert ended(events).reason == "failed"
    assert "lower models.teacher.parameters.max_tokens" in ended(events).detail
    assert not only(events, VerifyAsked)
    assert outcome(events) == ("infrastructure", None)


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (answer('{"error":{"message":"x:latest does not support tools"}}', 400), "set models.teacher.tools=false"),
        (answer('{"error":{"message":"please recharge","code":"1113"}}', 429), "add credit to the provider's account"),
        (answer('{"error":{"message":"model \'m\' not found"}}', 404), "set models.teacher.model"),
    ],
)
async def test_what_mends_it_is_told_with_the_attempt(refusal: Handler, told: str, tmp_path: Path) -> None:
    """There people look first, once a model has answered; before that the run stops, and says the same."""
    with pytest.raises(CallsRefused) as caught:
        await attempted(tmp_path / "at once", refusal)
    assert told in caught.value.remedy
    _, _, events = await attempted(tmp_path, answer(LOOK), refusal)
    assert told in ended(events).detail
    assert outcome(events) == ("infrastructure", None)
