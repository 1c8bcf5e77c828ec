"""Stories of strangers: whatever bytes an endpoint sends, there is a reply, or an error of ours."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from engine.protocols.base import ApiProtocol
from engine.protocols.chat import Chat
from engine.protocols.errors import FailedCallFacts, ProviderError
from engine.protocols.gemini import Gemini
from engine.protocols.messages import Messages
from engine.protocols.reply import ChatReply
from engine.protocols.responses import Responses
from engine.protocols.usage import ReportedUsage

LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["{}", "{", 10**400])
)
ANY = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def loosely(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Build an object that may have these fields, a list of such, or something else altogether."""
    built = st.fixed_dictionaries({}, optional={name: field | ANY for name, field in fields.items()})
    return built | st.lists(built, max_size=3) | ANY


WORD = st.sampled_from(["", "a", "run", "stop", "length", "refusal"])
ARGUMENTS = st.sampled_from(["", "{", "{}", '{"a":1}', '":1}', " ", "[]", '"']) | ANY
FUNCTION = loosely(name=WORD, arguments=ARGUMENTS)
CALLS = loosely(id=WORD, index=st.integers(-1, 2), function=FUNCTION, custom=FUNCTION, extra_content=ANY)
PART = loosely(
    type=st.sampled_from(["text", "thinking", "tool_use", "refusal", "output_text", "reasoning", "function_call"]),
    text=WORD,
    thinking=WORD,
    thought=st.booleans(),
    refusal=WORD,
    name=WORD,
    input=ARGUMENTS,
    arguments=ARGUMENTS,
    functionCall=loosely(name=WORD, args=ARGUMENTS, id=WORD),
    summary=ANY,
    content=ANY,
)
MESSAGE = loosely(
    content=PART, reasoning=PART, refusal=PART, tool_calls=CALLS, function_call=FUNCTION, channel=WORD, usage=ANY
)
COUNT = st.integers(-2, 9) | st.sampled_from(["7", 7.0, 10**400])
USAGE = loosely(
    prompt_tokens=COUNT,
    completion_tokens=COUNT,
    total_tokens=COUNT,
    input_tokens=COUNT,
    output_tokens=COUNT,
    cache_read_input_tokens=COUNT,
    cost=COUNT,
    promptTokenCount=COUNT,
    candidatesTokenCount=COUNT,
    prompt_tokens_details=ANY,
    cache_creation=ANY,
)
CHAT = loosely(
    id=WORD,
    choices=loosely(
        index=st.integers(-1, 1), message=MESSAGE, delta=MESSAGE, finish_reason=WORD, usage=USAGE, text=WORD
    ),
    usage=USAGE,
    x_groq=loosely(usage=USAGE),
    timings=USAGE,
    error=ANY,
    base_resp=ANY,
)
MESSAGES = loosely(
    type=st.sampled_from(
        [
            "message",
            "message_start",
            "content_block_start",
            "content_block_delta",
            "message_delta",
            "message_stop",
            "error",
        ]
    ),
    message=loosely(content=PART, usage=USAGE, stop_reason=WORD),
    content=PART,
    content_block=PART,
    delta=loosely(text=WORD, thinking=WORD, partial_json=ARGUMENTS, stop_reason=WORD),
    index=st.integers(0, 2),
    usage=USAGE,
    stop_reason=WORD,
    error=ANY,
)
RESPONSE = loosely(output=PART, usage=USAGE, status=WORD, error=ANY, incomplete_details=ANY)
RESPONSES = loosely(
    object=st.just("response"),
    type=st.sampled_from(["response.completed", "response.output_item.done", "response.output_text.delta", "error"]),
    response=RESPONSE,
    item=PART,
    delta=WORD,
    output=PART,
    usage=USAGE,
)
GEMINI = loosely(
    candidates=loosely(content=loosely(parts=PART), finishReason=WORD),
    usageMetadata=USAGE,
    promptFeedback=ANY,
    response=ANY,
    error=ANY,
)


def body(pieces: list[Any], form: str) -> bytes:
    """Write some JSON as a stream, as lines, as one text, or cut."""
    texts = [json.encode(piece) for piece in pieces]
    match form:
        case "stream":
            return b"".join(b"data: " + text + b"\n\n" for text in texts) + b"data: [DONE]\n\n"
        case "lines":
            return b"\n".join(texts)
        case "whole":
            return texts[0]
        case _:
            return b"".join(b"data: " + text + b"\n\n" for text in texts)[:-9]


FORMS = st.sampled_from(["stream", "lines", "whole", "cut"])
PROTOCOLS: list[tuple[ApiProtocol, st.SearchStrategy[Any]]] = [
    (Chat(("reasoning", "x")), CHAT),
    (Messages(), MESSAGES),
    (Responses(), RESPONSES),
    (Gemini(), GEMINI),
]


@pytest.mark.slow
@pytest.mark.parametrize(("protocol", "pieces"), PROTOCOLS)
@given(data=st.data())
def test_any_answer_is_a_reply_or_an_error_of_ours(
    protocol: ApiProtocol, pieces: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    """Nothing that an endpoint sends may end a run; and no reader stumbles, it knows what it does not know."""
    assert_read(protocol, body(data.draw(st.lists(pieces, min_size=1, max_size=4)), data.draw(FORMS)))


@pytest.mark.parametrize("protocol", [protocol for protocol, _ in PROTOCOLS])
@given(raw=st.binary(max_size=60) | st.text('{}[]",:dat \n\\u1e', max_size=60).map(str.encode))
def test_so_are_any_bytes(protocol: ApiProtocol, raw: bytes) -> None:
    """No JSON at all, JSON that is cut, and events that are none."""
    assert_read(protocol, raw)


def read(protocol: ApiProtocol, raw: bytes) -> ChatReply | ProviderError:
    """Read an answer; give what comes of it."""
    try:
        return protocol.read(raw, FailedCallFacts(status=200, raw=raw))
    except ProviderError as error:
        return error


def assert_read(protocol: ApiProtocol, raw: bytes) -> None:
    """Read an answer, and look at what came of it."""
    reply = read(protocol, raw)
    if isinstance(reply, ProviderError):
        assert "stumbled" not in reply.problem
        assert reply.raw == raw
        assert_counts(reply.usage)
        return
    assert reply.text != ""
    assert reply.reasoning != ""
    said = reply.text or reply.tool_calls or reply.reasoning
    assert said or reply.usage.output_tokens or reply.usage.reasoning_tokens or reply.finish in {"length", "max_tokens"}
    assert len({call.id for call in reply.tool_calls}) == len(reply.tool_calls)
    assert all(call.id and call.name and call.arguments for call in reply.tool_calls)
    message = json.decode(reply.message)
    assert message["role"] == "assistant"
    assert [each["id"] for each in message.get("tool_calls", [])] == [call.id for call in reply.tool_calls]
    json.encode(reply)
    assert_counts(reply.usage)


def assert_counts(usage: ReportedUsage) -> None:
    """Look at each count: a number that a log can hold."""
    counts = [getattr(usage, name) for name in ReportedUsage.__struct_fields__]
    assert all(count is None or 0 <= count < 10**10 for count in counts)
