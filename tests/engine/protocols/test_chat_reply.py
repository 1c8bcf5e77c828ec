"""Stories of answers: lenient where providers differ, strict where leniency would invent something."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from engine.protocols.chat import Chat
from engine.protocols.errors import (
    ContextLength,
    FailedCallFacts,
    MalformedReply,
    ProviderError,
    RateLimited,
    Refused,
    ServerFault,
)
from engine.protocols.reply import ChatReply, ReplyCall
from engine.protocols.usage import ReportedUsage


def read(body: Any, echo: tuple[str, ...] = ()) -> ChatReply:
    """Read an answer; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.encode(body)
    seen = FailedCallFacts(status=200, raw=raw)
    return Chat(echo).read(raw, seen)


def answer(message: dict[str, Any], finish: str | None = "stop", **others: Any) -> dict[str, Any]:
    """An answer with this message."""
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], **others}


def called(name: str = "run", arguments: Any = '{"command":"ls"}', **others: Any) -> dict[str, Any]:
    """A message that calls a tool."""
    call = {"type": "function", "function": {"name": name, "arguments": arguments}, **others}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def test_an_answer_is_read_whole() -> None:
    """The bytes, the message for the conversation, the concrete model behind the alias, the counts, the cost."""
    usage = {
        "prompt_tokens": 12,
        "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 2},
        "cost": 0.000015,
    }
    body = answer({"role": "assistant", "content": "héllo ☕"}, id="r1", model="m-2026", usage=usage)
    assert read(body) == ChatReply(
        raw=json.encode(body),
        status=200,
        message='{"content":"héllo ☕","role":"assistant"}'.encode(),
        text="héllo ☕",
        tool_calls=(),
        finish="stop",
        model="m-2026",
        usage=ReportedUsage(input_tokens=12, output_tokens=3, cached_input_tokens=8, reasoning_tokens=2),
        cost_usd=Decimal("0.000015"),
        request_id="r1",
    )


def test_what_the_provider_did_not_say_is_none() -> None:
    """Not 0 tokens, not the alias that was asked for."""
    reply = read(answer({"content": "hi"}, finish=None))
    assert (reply.usage, reply.cost_usd, reply.model, reply.finish, reply.request_id) == (
        ReportedUsage(),
        None,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    "usage", [None, {}, [], "12", {"prompt_tokens": -1}, {"prompt_tokens": "many"}, {"cost": -1}, {"cost": 1e300}]
)
def test_counts_that_make_no_sense_were_not_said(usage: Any) -> None:
    """The answer itself is good and paid for; its cost is then unknown, which is counted as the upper bound."""
    reply = read(answer({"content": "hi"}, usage=usage))
    assert (reply.text, reply.usage, reply.cost_usd) == ("hi", ReportedUsage(), None)


def test_a_cost_is_exact() -> None:
    """A float would have made 0.1 something else."""
    assert read(answer({"content": "x"}, usage={"cost": 0.1})).cost_usd == Decimal("0.1")
    assert read(answer({"content": "x"}, usage={"cost": "0.10"})).cost_usd == Decimal("0.10")


def test_a_cost_written_absurdly_finely_is_unknown() -> None:
    """As a whole number of nano-USD it would take gigabytes, and stop everybody's event loop."""
    assert read(answer({"content": "x"}, usage={"cost": "1e-99999999"})).cost_usd is None


def test_a_tool_call_is_kept_as_the_model_wrote_it() -> None:
    """Arguments may not be JSON; that is for the agent to say."""
    reply = read(answer(called(arguments="{oops", id="c1"), finish="tool_calls"))
    assert reply.tool_calls == (ReplyCall(id="c1", name="run", arguments="{oops"),)
    assert reply.text is None
    assert json.decode(reply.message) == called(arguments="{oops", id="c1")


def test_what_a_provider_signs_goes_back_to_it() -> None:
    """Gemini refuses a conversation whose tool calls lost their signature."""
    signed = {"google": {"thought_signature": "abc"}}
    assert (
        json.decode(read(answer(called(id="c1", extra_content=signed))).message)["tool_calls"][0]["extra_content"]
        == signed
    )


def test_a_missing_id_is_derived_from_the_answer() -> None:
    """A tool's answer has to name it; the same bytes give the same id in every replay."""
    first, again = read(answer(called())), read(answer(called()))
    assert first.tool_calls[0].id.startswith("call_")
    assert first == again
    assert first.tool_calls[0].id != read(answer(called(), id="another")).tool_calls[0].id
    assert first.tool_calls[0].id.encode() in first.message


@pytest.mark.parametrize(("given", "arguments"), [({"a": 1}, '{"a":1}'), (None, "{}")])
def test_arguments_sent_as_an_object_become_text(given: Any, arguments: str) -> None:
    """Some local servers do; conversations need text."""
    assert read(answer(called(arguments=given))).tool_calls[0].arguments == arguments


def test_content_in_parts_is_one_text() -> None:
    """Mistral answers so; its thoughts are not said to anyone."""
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert read(answer({"content": parts})).text == "ab"


def test_fields_to_send_back_are_kept_only_on_request() -> None:
    """DeepSeek refuses its own reasoning in a conversation, OpenRouter wants it."""
    message = {"content": "x", "reasoning_content": "hm"}
    assert b"hm" not in read(answer(message)).message
    assert json.decode(read(answer(message), ("reasoning_content",)).message)["reasoning_content"] == "hm"


def test_of_several_choices_the_first_is_taken() -> None:
    """By its index, not by its place."""
    choices = [{"index": 1, "message": {"content": "b"}}, {"index": 0, "message": {"content": "a"}}]
    assert read({"choices": choices}).text == "a"


@pytest.mark.parametrize("message", [{}, {"content": None}, {"content": ""}, {"content": []}, {"tool_calls": []}])
def test_an_empty_answer_is_an_error(message: dict[str, Any]) -> None:
    """An empty text would be scored as a failed try of the agent."""
    with pytest.raises(MalformedReply, match="neither text nor a tool call") as raised:
        read(answer(message))
    assert raised.value.retryable
    assert raised.value.raw == json.encode(answer(message))


@pytest.mark.parametrize(
    ("message", "finish", "usage", "reasoning"),
    [
        ({"content": None, "reasoning_content": "hm"}, "stop", None, "hm"),
        ({"content": "", "reasoning": "hm"}, "length", None, "hm"),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "h"}, {"summary": "m"}]}, "stop", None, "hm"),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}, "stop", None, "hm"),
        ({"content": [{"type": "redacted_thinking", "data": "x"}]}, "stop", {"completion_tokens": 9}, None),
        ({"content": ""}, "stop", {"completion_tokens_details": {"reasoning_tokens": 9}}, None),
        ({"content": ""}, "length", None, None),
    ],
)
def test_an_answer_of_reasoning_only_is_the_models_own_turn(
    message: dict[str, Any], finish: str, usage: Any, reasoning: str | None
) -> None:
    """Asked again it would cost as much again; whoever asked tells the model that it said nothing."""
    reply = read(answer(message, finish=finish, usage=usage))
    assert (reply.text, reply.tool_calls, reply.reasoning, reply.finish) == (None, (), reasoning, finish)
    assert json.decode(reply.message) == {"role": "assistant", "content": ""}


@pytest.mark.parametrize(
    "body",
    [
        answer({"content": None, "refusal": "I cannot help with that"}),
        answer({"content": "half a sent"}, finish="content_filter"),
        answer({"content": ""}, finish="content_filter: SAFETY"),
    ],
)
def test_a_refusal_is_not_an_answer(body: dict[str, Any]) -> None:
    """Its bytes are kept; asking again with the same words is not tried."""
    with pytest.raises(Refused) as raised:
        read(body)
    assert (raised.value.raw, raised.value.retryable) == (json.encode(body), False)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "slow down"}, RateLimited),
        ({"code": 502, "message": "upstream"}, ServerFault),
        ({"message": "something"}, ServerFault),
        ("something", ServerFault),
        ({"code": 400, "message": "maximum context length is 10"}, ContextLength),
    ],
)
def test_an_error_inside_a_200_is_an_error(error: Any, kind: type[ProviderError]) -> None:
    """OpenRouter answers 200 and puts its error into the body, or into the choice."""
    for body in ({"error": error}, {"choices": [{"message": {"content": "ha"}, "error": error}]}):
        with pytest.raises(kind) as raised:
            read(body)
        assert raised.value.status == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":[{}]}',
        b'{"choices":[{"message":"text"}]}',
        b'{"choices":[{"message":{"content":5}}]}',
        b'{"choices":[{"message":{"content":[{"type":"image"}]}}]}',
        b'{"choices":[{"message":{"tool_calls":{"a":1}}}]}',
        b'{"choices":[{"message":{"tool_calls":["a"]}}]}',
        b'{"choices":[{"message":{"tool_calls":[{"function":{"name":""}}]}}]}',
        b'{"choices":[{"message":{"content":"cut',
        b'{"choices":[{"message":' + b"[" * 5000,
    ],
)
def test_what_is_not_the_protocol_is_malformed(raw: bytes) -> None:
    """Whatever it is, its bytes are kept and another call may help."""
    with pytest.raises(MalformedReply) as raised:
        read(raw)
    assert (raised.value.raw, raised.value.retryable) == (raw, True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON, JSON, JSON, JSON)
def test_no_answer_escapes_the_tree_of_errors(message: Any, calls: Any, finish: Any, usage: Any, error: Any) -> None:
    """A bug of a provider must never look like one of ours."""
    whole = message | {"tool_calls": calls} if isinstance(message, dict) else message
    choice = {"message": whole, "finish_reason": finish}
    with suppress(ProviderError):
        reply = read({"choices": [choice], "usage": usage, "error": error, "id": usage, "model": usage})
        assert reply.text or reply.tool_calls
