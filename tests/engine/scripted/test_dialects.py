"""Stories of a script that speaks other protocols: the same turn, in each agent's own words."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from engine.protocols.body import events_in
from engine.scripted.reader import parse_script
from engine.scripted.server import ScriptedEndpoint

SCRIPT = """
name = "many"

[[rule]]
name = "aside"
shell = false
[[rule.turn]]
text = "a title"

[[rule]]
name = "work"
contains = ["Count the words"]
[[rule.turn]]
text = "I look first, at some length, so that a stream has several pieces."
command = "wc -w words.txt"
usage = { input = 100, output = 20, cached = 40 }
[[rule.turn]]
text = "There are three."
[[rule.turn]]
error = "rate_limit"
retry_after_s = 7
"""


class Spoken(NamedTuple):
    """One protocol as a client speaks it: how to ask, and where its answer holds what."""

    path: Callable[[bool], str]
    ask: Callable[[int, bool, bool], dict[str, Any]]
    """From the number of answers so far, whether a stream is wanted, and whether tools are offered."""
    said: Callable[[dict[str, Any]], tuple[str, dict[str, Any] | None]]
    """Text, and the arguments of the tool call."""
    used: Callable[[dict[str, Any]], tuple[int, int, int]]
    """Tokens that entered, cached ones among them, and that left."""
    joined: Callable[[list[dict[str, Any]]], dict[str, Any]]
    """A stream's events as one answer."""
    told: Callable[[dict[str, Any]], str]
    """What an error says its kind is."""


SCHEMA = {
    "type": "object",
    "properties": {"cmd": {"type": "string"}, "why": {"type": "string"}},
    "required": ["cmd", "why"],
}
TOOL = {"name": "exec_command", "description": "", "parameters": SCHEMA}


def _messages(turn: int, answered: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": "Count the words"}, *[answered, {"role": "user", "content": "go on"}] * turn]


def _chat(turn: int, stream: bool, tools: bool) -> dict[str, Any]:  # noqa: FBT001
    said = {"role": "assistant", "content": "x"}
    body = {"model": "m", "messages": _messages(turn, said), "stream": stream}
    body |= {"stream_options": {"include_usage": True}} if stream else {}
    return body | ({"tools": [{"type": "function", "function": TOOL}]} if tools else {})


def _chat_joined(events: list[dict[str, Any]]) -> dict[str, Any]:
    deltas = [event["choices"][0]["delta"] for event in events if event["choices"]]
    calls = [call["function"] for delta in deltas for call in delta.get("tool_calls", ())]
    message: dict[str, Any] = {"content": "".join(delta.get("content") or "" for delta in deltas)}
    if calls:
        message["tool_calls"] = [{"function": {"arguments": "".join(call["arguments"] for call in calls)}}]
    return {"choices": [{"message": message}], "usage": events[-1]["usage"]}


def _chat_said(whole: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    message = whole["choices"][0]["message"]
    calls = message.get("tool_calls")
    return message["content"], msgspec.json.decode(calls[0]["function"]["arguments"]) if calls else None


CHAT = Spoken(
    path=lambda stream: "/v1/chat/completions",
    ask=_chat,
    said=_chat_said,
    used=lambda whole: (
        whole["usage"]["prompt_tokens"],
        whole["usage"]["prompt_tokens_details"]["cached_tokens"],
        whole["usage"]["completion_tokens"],
    ),
    joined=_chat_joined,
    told=lambda body: body["error"]["code"],
)


def _responses(turn: int, stream: bool, tools: bool) -> dict[str, Any]:  # noqa: FBT001
    call = {"type": "function_call", "name": "exec_command", "call_id": "c", "arguments": "{}"}
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}
    asked = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Count the words"}]}
    result = {"type": "function_call_output", "call_id": "c", "output": "3"}
    body = {"model": "m", "input": [asked, *[said, call, result] * turn], "stream": stream}
    return body | ({"tools": [{"type": "function", **TOOL}]} if tools else {})


def _responses_said(whole: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    text = "".join(item["content"][0]["text"] for item in whole["output"] if item["type"] == "message")
    calls = [item["arguments"] for item in whole["output"] if item["type"] == "function_call"]
    return text, msgspec.json.decode(calls[0]) if calls else None


def _responses_joined(events: list[dict[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = events[-1]["response"]
    text, _ = _responses_said(whole)
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == text
    return whole


RESPONSES = Spoken(
    path=lambda stream: "/v1/responses",
    ask=_responses,
    said=_responses_said,
    used=lambda whole: (
        whole["usage"]["input_tokens"],
        whole["usage"]["input_tokens_details"]["cached_tokens"],
        whole["usage"]["output_tokens"],
    ),
    joined=_responses_joined,
    told=lambda body: body["error"]["code"],
)


def _anthropic(turn: int, stream: bool, tools: bool) -> dict[str, Any]:  # noqa: FBT001
    said = {"role": "assistant", "content": [{"type": "text", "text": "x"}]}
    body = {"model": "m", "system": "S", "max_tokens": 100, "messages": _messages(turn, said), "stream": stream}
    return body | ({"tools": [{"name": "exec_command", "input_schema": SCHEMA}]} if tools else {})


def _anthropic_joined(events: list[dict[str, Any]]) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = []
    for event in events:
        match event:
            case {"type": "content_block_start", "content_block": block}:
                blocks.append(dict(block))
            case {"type": "content_block_delta", "delta": {"text": text}}:
                blocks[-1]["text"] += text
            case {"type": "content_block_delta", "delta": {"partial_json": piece}}:
                blocks[-1]["json"] = blocks[-1].get("json", "") + piece
            case {"type": "content_block_stop"} if "json" in blocks[-1]:
                blocks[-1]["input"] = msgspec.json.decode(blocks[-1].pop("json"))
            case _:
                pass
    assert [event["type"] for event in events][-2:] == ["message_delta", "message_stop"]
    return {"content": blocks, "usage": events[-2]["usage"]}


def _anthropic_said(whole: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    calls = [block["input"] for block in whole["content"] if block["type"] == "tool_use"]
    return whole["content"][0]["text"], calls[0] if calls else None


ANTHROPIC = Spoken(
    path=lambda stream: "/v1/messages",
    ask=_anthropic,
    said=_anthropic_said,
    used=lambda whole: (
        whole["usage"]["input_tokens"] + whole["usage"]["cache_read_input_tokens"],
        whole["usage"]["cache_read_input_tokens"],
        whole["usage"]["output_tokens"],
    ),
    joined=_anthropic_joined,
    told=lambda body: body["error"]["type"],
)


def _gemini(turn: int, stream: bool, tools: bool) -> dict[str, Any]:  # noqa: FBT001
    del stream
    said = [{"role": "model", "parts": [{"text": "x"}]}, {"role": "user", "parts": [{"text": "go on"}]}]
    body: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "Count the words"}]}, *said * turn]}
    declared = {"name": "exec_command", "parametersJsonSchema": SCHEMA}
    return body | ({"tools": [{"functionDeclarations": [declared]}]} if tools else {})


def _gemini_said(whole: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    parts = whole["candidates"][0]["content"]["parts"]
    calls = [part["functionCall"]["args"] for part in parts if "functionCall" in part]
    return "".join(part.get("text", "") for part in parts), calls[0] if calls else None


def _gemini_joined(events: list[dict[str, Any]]) -> dict[str, Any]:
    parts = [part for event in events for part in event["candidates"][0]["content"]["parts"]]
    return {"candidates": [{"content": {"parts": parts}}], "usageMetadata": events[-1]["usageMetadata"]}


GEMINI = Spoken(
    path=lambda stream: f"/v1beta/models/m:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}",
    ask=_gemini,
    said=_gemini_said,
    used=lambda whole: (
        whole["usageMetadata"]["promptTokenCount"],
        whole["usageMetadata"]["cachedContentTokenCount"],
        whole["usageMetadata"]["candidatesTokenCount"],
    ),
    joined=_gemini_joined,
    told=lambda body: body["error"]["status"],
)

ALL = pytest.mark.parametrize(
    "spoken", [CHAT, RESPONSES, ANTHROPIC, GEMINI], ids=["chat", "responses", "messages", "gemini"]
)


async def _asked(spoken: Spoken, turn: int, *, stream: bool = False, tools: bool = True) -> httpx.Response:
    async with ScriptedEndpoint(parse_script(SCRIPT, "here")) as endpoint, httpx.AsyncClient() as client:
        url = endpoint.base_url.removesuffix("/v1") + spoken.path(stream)
        return await client.post(url, json=spoken.ask(turn, stream, tools))


@ALL
async def test_a_command_comes_as_a_call_of_the_shell_on_offer(spoken: Spoken) -> None:
    """Agents name their shell and its arguments as they like; what is required besides is filled in."""
    # When a protocol's first request offers a shell of another name than ours.
    answer = (await _asked(spoken, 0)).json()
    # Then the script's command stands in a call of it, and the usage is the script's.
    text, arguments = spoken.said(answer)
    assert text.startswith("I look first")
    assert arguments == {"cmd": "wc -w words.txt", "why": "as the script says"}
    assert spoken.used(answer) == (100, 40, 20)


@ALL
async def test_a_stream_says_the_same_as_one_piece(spoken: Spoken) -> None:
    """A client that joins the pieces must come to the same answer."""
    # Given an answer in one piece.
    whole = (await _asked(spoken, 0)).json()
    # When it is asked for as a stream.
    answer = await _asked(spoken, 0, stream=True)
    # Then it comes as server-sent events, and they join to the same.
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [msgspec.json.decode(each.data) for each in events_in(answer.content) if each.data != b"[DONE]"]
    assert len(events) >= 4
    joined = spoken.joined(events)
    assert spoken.said(joined) == spoken.said(whole)
    assert spoken.used(joined) == spoken.used(whole)


@ALL
async def test_turns_are_counted_in_each_protocol(spoken: Spoken) -> None:
    """A conversation goes on where it stands, whatever its protocol calls the model."""
    assert spoken.said((await _asked(spoken, 1)).json()) == ("There are three.", None)


@ALL
async def test_what_is_asked_aside_is_told_by_its_lack_of_tools(spoken: Spoken) -> None:
    """Agents ask for titles and the like, with the task's text in it, and must not get the task's turns."""
    assert spoken.said((await _asked(spoken, 0, tools=False)).json()) == ("a title", None)


@ALL
async def test_errors_have_each_protocols_shape(spoken: Spoken) -> None:
    """An agent decides by them whether to try again, so they must be its provider's."""
    answer = await _asked(spoken, 2)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert spoken.told(answer.json()) in {"rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"}


@ALL
async def test_what_is_no_request_is_refused(spoken: Spoken) -> None:
    """A script answers nothing it has not understood."""
    async with ScriptedEndpoint(parse_script(SCRIPT, "here")) as endpoint, httpx.AsyncClient() as client:
        url = endpoint.base_url.removesuffix("/v1") + spoken.path(False)
        answer = await client.post(url, content=b'{"messages": 3}')
    assert answer.status_code == 400
    assert "not a request of this protocol" in answer.json()["error"]["message"]


IMAGE = "aGk="
"""Base64 of two bytes."""
DATA_URL = f"data:image/png;base64,{IMAGE}"
SHOWN = [
    (CHAT, {"role": "user", "content": [{"type": "image_url", "image_url": {"url": DATA_URL}}]}),
    (
        RESPONSES,
        {"type": "function_call_output", "call_id": "c", "output": [
            {"type": "input_image", "image_url": DATA_URL},
        ]},
    ),
    (
        ANTHROPIC,
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}},
        ]}]},
    ),
    (GEMINI, {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": IMAGE}}]}),
]  # fmt: skip


@pytest.mark.parametrize(("spoken", "told"), SHOWN, ids=["chat", "responses", "messages", "gemini"])
async def test_a_script_sees_what_images_a_request_shows(spoken: Spoken, told: dict[str, Any]) -> None:
    """By media type and digest, in the result of a tool, too; whoever asks wrongly is told what was shown."""
    digest = sha256(b"hi").hexdigest()
    rules = "".join(
        f'[[rule]]\nname = "{name}"\nimages = ["{named}"]\n[[rule.turn]]\ntext = "{name}"\n'
        for name, named in (("a GIF", "image/gif"), ("another", "0" * 8), ("this", digest[:12]))
    )
    async with (
        ScriptedEndpoint(parse_script(f'name = "eye"\n{rules}', "here")) as endpoint,
        httpx.AsyncClient() as client,
    ):
        body = spoken.ask(0, False, False)
        next(body[key] for key in ("messages", "input", "contents") if key in body).append(told)
        answer = await client.post(endpoint.host_url + spoken.path(False), json=body)
        assert spoken.said(answer.json())[0] == "this"
    only = f'name = "eye"\n{rules}'.replace(digest[:12], "1" * 8)
    async with ScriptedEndpoint(parse_script(only, "here")) as endpoint, httpx.AsyncClient() as client:
        answer = await client.post(endpoint.host_url + spoken.path(False), json=body)
        assert f"with the image image/png {digest[:16]}" in answer.text
