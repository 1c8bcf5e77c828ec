"""Stories of thoughts: in every protocol they are kept apart from what is said, and alone they are the model's turn."""

from typing import Any

import pytest
from msgspec import json

from engine.protocols.base import ApiProtocol
from engine.protocols.chat import Chat
from engine.protocols.errors import FailedCallFacts, MalformedReply, Refused
from engine.protocols.gemini import Gemini
from engine.protocols.messages import Messages
from engine.protocols.reply import ChatReply
from engine.protocols.responses import Responses
from tests.engine.providers.support_server import delta, events

THOUGHT, SAID = "Is it so?", "It is."


def read(protocol: ApiProtocol, raw: bytes) -> ChatReply:
    """Read an answer."""
    return protocol.read(raw, FailedCallFacts(status=200, raw=raw))


def chat(message: dict[str, Any], finish: str = "stop") -> bytes:
    """Write a chat completion."""
    return json.encode({"choices": [{"message": message, "finish_reason": finish}]})


def messages(*blocks: dict[str, Any], finish: str = "end_turn", **usage: int) -> bytes:
    """Write a message of Anthropic's."""
    return json.encode({"type": "message", "content": blocks, "stop_reason": finish, "usage": usage})


def responses(*items: dict[str, Any], **others: Any) -> bytes:
    """Write a response."""
    return json.encode({"object": "response", "status": "completed", "output": items, **others})


def gemini(*parts: dict[str, Any], finish: str = "STOP", **usage: int) -> bytes:
    """Write an answer of Gemini's."""
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": finish}
    return json.encode({"candidates": [candidate], "usageMetadata": usage})


BLOCK = {"type": "thinking", "thinking": THOUGHT, "signature": "s"}
ITEM = {"type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}], "encrypted_content": "x"}
MESSAGE = {"type": "message", "content": [{"type": "output_text", "text": SAID}]}
BOTH: list[tuple[ApiProtocol, bytes]] = [
    (Chat(), chat({"content": SAID, "reasoning_content": THOUGHT})),
    (Chat(), chat({"content": SAID, "reasoning": THOUGHT, "reasoning_details": [{"text": THOUGHT}]})),
    (
        Chat(),
        chat({"content": SAID, "reasoning_details": [{"type": "reasoning.text", "text": THOUGHT}, {"data": "x"}]}),
    ),
    (Chat(), chat({"content": SAID, "reasoning": {"content": THOUGHT}})),
    (Chat(), chat({"content": SAID, "thinking_blocks": [{"type": "thinking", "thinking": THOUGHT}]})),
    (Chat(), chat({"content": SAID, "reasoning_content": None, "reasoning_text": THOUGHT})),
    (
        Chat(),
        chat({"content": [{"type": "thinking", "thinking": [{"text": THOUGHT}]}, {"type": "text", "text": SAID}]}),
    ),
    (Chat(), chat({"content": [{"type": "reasoning", "text": THOUGHT}, {"type": "text", "text": SAID}]})),
    (Chat(), chat({"content": [{"text": THOUGHT, "channel": "analysis"}, {"text": SAID, "channel": "final"}]})),
    (
        Chat(),
        events(
            delta({"content": THOUGHT, "extra_content": {"google": {"thought": True}}}),
            delta({"content": SAID}, "stop"),
        ),
    ),
    (Chat(), events(delta({"content": THOUGHT, "channel": "analysis"}), delta({"content": SAID}, "stop"))),
    (Chat(), events(delta({"reasoning": "Is it "}), delta({"reasoning": "so?"}), delta({"content": SAID}, "stop"))),
    (Messages(), messages(BLOCK, {"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": SAID})),
    (
        Messages(),
        events(
            {"type": "message_start", "message": {"content": []}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Is it "}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "so?"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
            {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": SAID}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            {"type": "message_stop"},
        ),
    ),
    (Responses(), responses(ITEM, MESSAGE)),
    (Responses(), responses({"type": "reasoning", "content": [{"type": "reasoning_text", "text": THOUGHT}]}, MESSAGE)),
    (
        Responses(),
        events(
            {"type": "response.output_item.done", "item": ITEM},
            {"type": "response.output_item.done", "item": MESSAGE},
            {"type": "response.completed", "response": {"status": "completed", "output": []}},
        ),
    ),
    (Gemini(), gemini({"text": THOUGHT, "thought": True}, {"text": SAID, "thoughtSignature": "s"})),
]


@pytest.mark.parametrize(("protocol", "raw"), BOTH)
def test_what_is_thought_is_not_what_is_said(protocol: ApiProtocol, raw: bytes) -> None:
    """A command inside a thought must not be run, nor a thought become a memo."""
    reply = read(protocol, raw)
    assert (reply.text, reply.reasoning) == (SAID, THOUGHT)
    assert json.decode(reply.message) == {"role": "assistant", "content": SAID}


@pytest.mark.parametrize(
    ("protocol", "raw", "thought"),
    [
        (Chat(), chat({"content": None, "reasoning_content": THOUGHT}), THOUGHT),
        (Chat(), chat({"content": "", "reasoning": THOUGHT}, "length"), THOUGHT),
        (Chat(), events(delta({"reasoning": THOUGHT}), delta({}, "length"), "[DONE]"), THOUGHT),
        (Messages(), messages(BLOCK), THOUGHT),
        (Messages(), messages({"type": "redacted_thinking", "data": "x"}, output_tokens=9), None),
        (Messages(), messages(finish="max_tokens"), None),
        (Responses(), responses(ITEM), THOUGHT),
        (Responses(), responses(incomplete_details={"reason": "max_output_tokens"}), None),
        (Responses(), responses({"type": "reasoning", "encrypted_content": "x"}, usage={"output_tokens": 9}), None),
        (Gemini(), gemini({"text": THOUGHT, "thought": True}), THOUGHT),
        (Gemini(), gemini(thoughtsTokenCount=9), None),
        (Gemini(), gemini(finish="MAX_TOKENS"), None),
    ],
)
def test_a_thought_alone_is_the_models_own_turn(protocol: ApiProtocol, raw: bytes, thought: str | None) -> None:
    """It is not the endpoint that broke, and asking again costs as much again."""
    reply = read(protocol, raw)
    assert (reply.text, reply.tool_calls, reply.reasoning) == (None, (), thought)


@pytest.mark.parametrize(
    ("protocol", "raw"),
    [(Chat(), chat({"content": None})), (Messages(), messages()), (Responses(), responses()), (Gemini(), gemini())],
)
def test_an_answer_of_nothing_at_all_is_none(protocol: ApiProtocol, raw: bytes) -> None:
    """Not even a count speaks for it."""
    with pytest.raises(MalformedReply, match="neither text nor a tool call") as raised:
        read(protocol, raw)
    assert raised.value.retryable


@pytest.mark.parametrize(
    ("protocol", "raw"),
    [
        (Chat(), chat({"content": [{"type": "refusal", "refusal": "I would rather not."}]})),
        (Chat(), chat({"content": "Sor", "refusal": "I would rather not."})),
        (Messages(), messages({"type": "text", "text": "I"}, finish="refusal")),
        (
            Responses(),
            responses({"type": "message", "content": [{"type": "refusal", "refusal": "I would rather not."}]}),
        ),
        (Responses(), responses(MESSAGE, incomplete_details={"reason": "content_filter"})),
        (Gemini(), gemini({"text": "I"}, finish="PROHIBITED_CONTENT")),
        (Gemini(), json.encode({"promptFeedback": {"blockReason": "SAFETY"}})),
    ],
)
def test_a_refusal_is_a_refusal_in_every_protocol(protocol: ApiProtocol, raw: bytes) -> None:
    """Its words are no answer."""
    with pytest.raises(Refused):
        read(protocol, raw)


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": SAID}, {"type": "reference", "ids": [1]}],
        [
            {"type": "text", "text": None},
            {"type": "text", "text": SAID},
            {"type": "image_url", "image_url": {"url": "u"}},
        ],
        [{"type": "refusal", "refusal": "no"}, {"type": "text", "text": SAID}],
        ["so", {"type": "text", "text": SAID}, None, 7, ["x"]],
        [{"type": ["odd"], "text": "no"}, {"type": "output_text", "text": SAID}],
        {"type": "text", "text": SAID},
        [{"type": "text", "text": {"value": SAID, "annotations": []}}],
        [{"text": SAID}],
        [SAID],
    ],
)
def test_parts_of_kinds_that_are_not_known_are_passed_over(content: Any) -> None:
    """They are kept in the bytes, and are not what was said."""
    assert read(Chat(), chat({"content": content})).text == SAID
    assert read(Chat(), events(delta({"content": content}, "stop"))).text == SAID


ODD: list[Any] = [None, 7, -1, 1.5, "x", "", True, [], [1], {}, {"a": 1}]


@pytest.mark.parametrize("odd", ODD)
def test_fields_that_nobody_reads_make_no_answer_malformed(odd: Any) -> None:
    """Of any type, in one piece and in a stream."""
    envelope = dict.fromkeys(("id", "model", "created", "object", "system_fingerprint", "service_tier", "usage"), odd)
    choice = {"logprobs": odd, "index": odd, "stop_reason": odd, "matched_stop": odd, "error": None}
    whole = envelope | {"choices": [choice | {"finish_reason": odd, "message": {"role": odd, "content": SAID}}]}
    assert read(Chat(), json.encode(whole)).text == SAID
    pieces = [envelope | {"choices": [choice | {"finish_reason": None, "delta": {"role": odd, "content": SAID}}]}]
    pieces.append(envelope | {"choices": [choice | {"finish_reason": "stop", "delta": {"content": None}}]})
    assert read(Chat(), events(*pieces)).text == SAID


@pytest.mark.parametrize("odd", ODD)
def test_nor_do_they_in_the_other_protocols(odd: Any) -> None:
    """Leniently where nothing is needed."""
    fields = dict.fromkeys(("id", "model", "role", "usage", "created_at", "service_tier", "stop_sequence"), odd)
    told = {"type": "message", "content": [{"type": "text", "text": SAID, "citations": odd}], "stop_reason": "end_turn"}
    assert read(Messages(), json.encode(fields | told)).text == SAID
    item = {"type": "message", "id": odd, "content": [{"type": "output_text", "text": SAID, "annotations": odd}]}
    assert read(Responses(), json.encode(fields | {"object": odd, "status": odd, "output": [item, odd]})).text == SAID
    candidate = {"content": {"parts": [{"text": SAID, "thoughtSignature": odd}], "role": odd}, "finishReason": "STOP"}
    answer = {"candidates": [candidate], "usageMetadata": odd, "modelVersion": odd, "responseId": odd}
    assert read(Gemini(), json.encode(answer)).text == SAID


BEGUN = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": SAID}}
ENDS: list[tuple[ApiProtocol, bytes, bool]] = [
    (Messages(), json.encode({"type": "message", "content": [{"type": "text", "text": SAID}]}), True),
    (Messages(), events(BEGUN, "[DONE]"), True),
    (Messages(), events(BEGUN, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}), True),
    (Messages(), events(BEGUN, {"type": "message_stop"}), True),
    (Messages(), events(BEGUN), False),
    (Responses(), events({"type": "response.output_item.done", "item": MESSAGE}, "[DONE]"), True),
    (Responses(), events({"type": "response.output_item.done", "item": MESSAGE}), False),
    (Responses(), events({"type": "response.output_text.delta", "delta": SAID}, "[DONE]"), False),
    (Gemini(), events({"candidates": [{"content": {"parts": [{"text": SAID}]}}]}, "[DONE]"), False),
]


@pytest.mark.parametrize(("protocol", "raw", "ended"), ENDS)
def test_an_answer_counts_once_it_has_ended(protocol: ApiProtocol, raw: bytes, *, ended: bool) -> None:
    """In one piece, by its own word or by that of the stream; half of one looks like a short one."""
    if ended:
        assert read(protocol, raw).text == SAID
    else:
        with pytest.raises(MalformedReply, match="before the answer did"):
            read(protocol, raw)


def test_an_answer_in_the_frame_of_code_assist_is_read() -> None:
    """Gemini's own agent is answered so, for people who log in."""
    inner = json.decode(gemini({"text": THOUGHT, "thought": True}, {"text": SAID}, promptTokenCount=3))
    reply = read(Gemini(), events({"response": inner, "traceId": "t"}))
    assert (reply.text, reply.reasoning, reply.usage.input_tokens) == (SAID, THOUGHT, 3)
