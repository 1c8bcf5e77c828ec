"""Stories of one conversation in four protocols: what is recorded once is written as each of them wants it."""

from typing import Any

import pytest
from msgspec import json

from engine.policies.assistant_message import sendable
from engine.protocols.errors import BadRequest, FailedCallFacts
from engine.protocols.gemini import Gemini
from engine.protocols.json_text import encode
from engine.protocols.messages import Messages
from engine.protocols.request import ChatRequest, in_tables
from engine.providers.base import body_of
from events.digest import digest_of

TOOLS = json.encode(
    [{"type": "function", "function": {"name": "run", "description": "Runs.", "parameters": {"type": "object"}}}]
)


def said(role: str, content: Any, **more: Any) -> bytes:
    """Write a message as it is recorded."""
    return json.encode({"role": role, "content": content, **more})


def call(name: str, arguments: str, **more: Any) -> dict[str, Any]:
    """Write a call as it is recorded."""
    return {"id": name, "type": "function", "function": {"name": "run", "arguments": arguments}, **more}


TALK = (
    said("system", "Be short."),
    said("user", "Hi"),
    said("assistant", "I look.", tool_calls=[call("c1", '{"command":"ls"}'), call("c2", '{"command":"pwd"}')]),
    said("tool", "a.txt", tool_call_id="c1"),
    said("tool", "/app", tool_call_id="c2"),
    said("user", "Go on."),
)


def written(protocol: Any, *messages: bytes, **more: Any) -> Any:
    """Write a request and read it back."""
    return json.decode(body_of(ChatRequest(model="m", messages=messages, protocol=protocol, **more)))


def test_a_conversation_as_anthropic_has_it() -> None:
    """The system stands beside, results are the user's, roles take turns; nothing else is sent."""
    assert written("messages", *TALK, tools=TOOLS, stream=True, parameters={"max_tokens": 9}) == {
        "model": "m",
        "system": "Be short.",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "c1", "name": "run", "input": {"command": "ls"}},
                    {"type": "tool_use", "id": "c2", "name": "run", "input": {"command": "pwd"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "a.txt"},
                    {"type": "tool_result", "tool_use_id": "c2", "content": "/app"},
                    {"type": "text", "text": "Go on."},
                ],
            },
        ],
        "tools": [{"name": "run", "description": "Runs.", "input_schema": {"type": "object"}}],
        "stream": True,
        "max_tokens": 9,
    }


def test_a_conversation_as_google_has_it() -> None:
    """Model and stream stand in the path; a result names the function that was called."""
    assert written("gemini", *TALK, tools=TOOLS, stream=True) == {
        "systemInstruction": {"parts": [{"text": "Be short."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}]},
            {
                "role": "model",
                "parts": [
                    {"text": "I look."},
                    {"functionCall": {"name": "run", "args": {"command": "ls"}, "id": "c1"}},
                    {"functionCall": {"name": "run", "args": {"command": "pwd"}, "id": "c2"}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "run", "response": {"output": "a.txt"}, "id": "c1"}},
                    {"functionResponse": {"name": "run", "response": {"output": "/app"}, "id": "c2"}},
                    {"text": "Go on."},
                ],
            },
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "run", "description": "Runs.", "parametersJsonSchema": {"type": "object"}}
                ]
            }
        ],
    }


def test_a_conversation_as_openais_responses_have_it() -> None:
    """Calls and their results are items of their own; the system's message is the instructions."""
    assert written("responses", *TALK, tools=TOOLS, stream=True, parameters={"max_tokens": 9}) == {
        "model": "m",
        "instructions": "Be short.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
            {"role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
            {"type": "function_call", "call_id": "c1", "name": "run", "arguments": '{"command":"ls"}'},
            {"type": "function_call", "call_id": "c2", "name": "run", "arguments": '{"command":"pwd"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "a.txt"},
            {"type": "function_call_output", "call_id": "c2", "output": "/app"},
            {"role": "user", "content": [{"type": "input_text", "text": "Go on."}]},
        ],
        "tools": [
            {"type": "function", "name": "run", "description": "Runs.", "parameters": {"type": "object"}},
        ],
        "stream": True,
        "max_output_tokens": 9,
    }


def test_what_says_nothing_is_no_item_of_responses() -> None:
    """An empty text of either side is left out, and two of one side stay two."""
    bare = written("responses", said("user", "Hi"), said("assistant", ""), said("user", ""), said("user", "There?"))
    assert [item["content"][0]["text"] for item in bare["input"]] == ["Hi", "There?"]
    assert "instructions" not in bare


@pytest.mark.parametrize("protocol", ["messages", "gemini"])
def test_what_says_nothing_is_left_out(protocol: str) -> None:
    """Both refuse empty texts; a conversation of chat may hold them."""
    bare = written(protocol, said("user", "Hi"), said("assistant", ""), said("user", ""), said("user", "There?"))
    turns = bare["messages" if protocol == "messages" else "contents"]
    assert [turn["role"] for turn in turns] == ["user"]
    assert len(turns[0]["content" if protocol == "messages" else "parts"]) == 2


def test_a_block_of_blanks_is_no_block() -> None:
    """Anthropic refuses it."""
    assert written("messages", said("user", "Hi"), said("assistant", " \n"))["messages"][1:] == []


def test_ids_of_another_provider_are_written_as_each_takes_them() -> None:
    """A fork may go on elsewhere: Anthropic takes few letters, and Google no id that it did not give."""
    derived = f"call_{digest_of(b'x')[:16]}_0"
    talk = (said("user", "Hi"), said("assistant", None, tool_calls=[call("a:b.1", "{}"), call(derived, "{}")]))
    results = (said("tool", "x", tool_call_id="a:b.1"), said("tool", "y", tool_call_id=derived))
    anthropic = written("messages", *talk, *results)["messages"]
    assert [block["id"] for block in anthropic[1]["content"]] == ["a_b_1", derived]
    assert [block["tool_use_id"] for block in anthropic[2]["content"]] == ["a_b_1", derived]
    google = written("gemini", *talk, *results)["contents"]
    assert [part["functionCall"].get("id") for part in google[1]["parts"]] == ["a:b.1", None]
    assert [part["functionResponse"].get("id") for part in google[2]["parts"]] == ["a:b.1", None]


THOUGHTS = [
    {"type": "thinking", "thinking": "Hm.", "signature": "s1"},
    {"type": "redacted_thinking", "data": "d1"},
]
ANSWER: dict[str, Any] = {
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [*THOUGHTS, {"type": "tool_use", "id": "t1", "name": "run", "input": {"command": "ls"}}],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 1, "output_tokens": 2},
}


def _streamed(answer: dict[str, Any]) -> bytes:
    """Tell the same as events."""
    first = {**answer, "content": [], "stop_reason": None}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": first}]
    for index, block in enumerate(answer["content"]):
        begun = {**block, "thinking": "", "signature": ""} if block["type"] == "thinking" else block
        events.append({"type": "content_block_start", "index": index, "content_block": begun})
        if block["type"] == "thinking":
            for kind, name in (("thinking_delta", "thinking"), ("signature_delta", "signature")):
                delta = {"type": kind, name: block[name]}
                events.append({"type": "content_block_delta", "index": index, "delta": delta})
    events.append({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": answer["usage"]})
    return b"".join(b"data: " + json.encode(each) + b"\n\n" for each in [*events, {"type": "message_stop"}])


@pytest.mark.parametrize("raw", [json.encode(ANSWER), _streamed(ANSWER)], ids=["whole", "stream"])
def test_anthropic_gets_its_thoughts_back_signed(raw: bytes) -> None:
    """First in the turn and as they were; it refuses results of tools without them."""
    reply = Messages(keep_thoughts=True).read(raw, FailedCallFacts(status=200, raw=raw))
    assert reply.reasoning == "Hm."
    kept = sendable(reply.message, calls=True)
    assert kept is not None
    back = written("messages", said("user", "Hi"), kept, said("tool", "x", tool_call_id="t1"))
    assert back["messages"][1]["content"][:2] == THOUGHTS
    assert b"thinking_blocks" not in Messages().read(raw, FailedCallFacts(status=200, raw=raw)).message, (
        "agents keep their own"
    )


def test_no_other_provider_gets_anthropics_thoughts() -> None:
    """A fork may go on with chat completions, whose servers refuse fields they do not know."""
    kept = encode({"role": "assistant", "content": "Yes.", "thinking_blocks": THOUGHTS})
    for protocol in (None, "chat"):
        assert written(protocol, kept)["messages"] == [{"role": "assistant", "content": "Yes."}]
    assert "thinking" not in json.encode(written("gemini", kept)).decode()


def test_google_gets_the_signature_of_a_call_back() -> None:
    """Gemini 3 refuses a call without it."""
    part = {"functionCall": {"name": "run", "args": {"command": "ls"}}, "thoughtSignature": "sig"}
    raw = json.encode({"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]})
    reply = Gemini(keep_thoughts=True).read(raw, FailedCallFacts(status=200, raw=raw))
    kept = sendable(reply.message, calls=True)
    assert kept is not None
    assert written("gemini", said("user", "Hi"), kept)["contents"][1]["parts"] == [part]
    assert b"sig" not in Gemini().read(raw, FailedCallFacts(status=200, raw=raw)).message, "agents keep their own"


def test_parameters_go_where_each_protocol_has_them() -> None:
    """By the names of chat completions, or by its own."""
    asked = {"max_completion_tokens": 5, "stop": "END", "temperature": 0.5, "top_k": 3}
    assert written("messages", parameters=asked) == {
        "model": "m", "messages": [], "max_tokens": 5, "stop_sequences": ["END"], "temperature": 0.5, "top_k": 3,
    }  # fmt: skip
    own = {**asked, "generationConfig.thinkingConfig.thinkingBudget": 0}
    assert written("gemini", parameters=own) == {
        "contents": [],
        "generationConfig": {
            "maxOutputTokens": 5,
            "stopSequences": ["END"],
            "temperature": 0.5,
            "topK": 3,
            "thinkingConfig": {"thinkingBudget": 0},
        },
    }


def test_a_dot_leads_into_a_table_only_where_that_is_recorded() -> None:
    """Requests of earlier versions, which named no protocol, are built as they were."""
    assert written("chat", parameters={"thinking.type": "disabled"})["thinking"] == {"type": "disabled"}
    assert written(None, parameters={"thinking.type": "disabled"})["thinking.type"] == "disabled"


@pytest.mark.parametrize(
    "parameters",
    [{"a": 1, "a.b": 2}, {"a.b": 1, "a.b.c": 2}, {"a.b": 1, "a": 2}],
    ids=["value and table", "deeper", "table and value"],
)
def test_two_parameters_cannot_have_one_place(parameters: dict[str, Any]) -> None:
    """One would be lost in silence."""
    with pytest.raises(BadRequest, match="same place"):
        in_tables(parameters)


def test_two_parameters_cannot_mean_the_same() -> None:
    """Such as two words for the length of an answer."""
    with pytest.raises(BadRequest, match="maxOutputTokens"):
        written("gemini", parameters={"max_tokens": 5, "generationConfig.maxOutputTokens": 6})
    with pytest.raises(BadRequest, match="max_tokens"):
        written("messages", parameters={"max_tokens": 5, "max_completion_tokens": 6})


@pytest.mark.parametrize(
    ("protocol", "name"),
    [
        ("messages", "system"),
        ("messages", "messages"),
        ("gemini", "contents"),
        ("gemini", "tools"),
        ("chat", "tools.x"),
        ("responses", "instructions"),
        ("responses", "input"),
    ],
)
def test_a_parameter_cannot_take_the_place_of_the_requests_own_fields(protocol: Any, name: str) -> None:
    """Nor of anything within them."""
    with pytest.raises(BadRequest, match="sets itself"):
        written(protocol, parameters={name: "x"})


def test_an_image_whose_bytes_did_not_come_is_missed() -> None:
    """And not left out."""
    shown = said("user", [{"type": "image", "image": "d", "media_type": "image/png"}])
    for protocol in (None, "chat", "responses", "messages", "gemini"):
        with pytest.raises(BadRequest, match="did not come"):
            written(protocol, shown)
