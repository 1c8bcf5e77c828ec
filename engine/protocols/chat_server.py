"""OpenAI's chat completions, as an endpoint has them."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from engine.protocols.chat import error_body
from engine.protocols.server_side import (
    ClaimedUsage,
    ErrorReply,
    ServerRequest,
    Tool,
    Wording,
    encode,
    pieces,
    text_of,
    told_later,
)
from engine.protocols.shown_images import shown_images


class _Message(Struct, frozen=True):
    role: str
    content: str | list[dict[str, Any]] | None = None


class _Offer(Struct, frozen=True):
    function: Tool = Tool()


class _StreamOptions(Struct, frozen=True):
    include_usage: bool = False


class _Request(Struct, frozen=True):
    model: str
    messages: list[_Message]
    tools: list[_Offer] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None


class ChatServer:
    """See ``ServerSide``."""

    def read(self, body: bytes, path: str) -> ServerRequest:
        """See ``ServerSide``."""
        del path
        request = msgspec.json.decode(body, type=_Request)
        if not request.messages:
            raise msgspec.ValidationError("no messages")
        roles = [message.role for message in request.messages]
        first = roles.index("assistant") if "assistant" in roles else len(roles)
        return ServerRequest(
            model=request.model,
            opening="\n".join(text for each in request.messages[:first] for text in _texts(each)),
            turn=roles.count("assistant"),
            tools=tuple(offer.function for offer in request.tools or ()),
            stream=bool(request.stream),
            images=shown_images([each.content for each in request.messages[:first]]),
            later=told_later(each.content for each in request.messages[first:] if each.role != "assistant"),
            wants_usage=request.stream_options is not None and request.stream_options.include_usage,
        )

    def answer(self, by: Wording, message: dict[str, Any], spent: ClaimedUsage) -> list[bytes]:
        """See ``ServerSide``."""
        finish = "tool_calls" if "tool_calls" in message else "stop"
        usage = _usage(spent)
        if not by.asked.stream:
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
            return [encode(_frame(by, "chat.completion") | {"choices": [choice], "usage": usage})]
        chunks = [_chunk(by, delta, None) for delta in _deltas(message)]
        chunks.append(_chunk(by, {}, finish))
        if by.asked.wants_usage:
            chunks.append(_frame(by, "chat.completion.chunk") | {"choices": [], "usage": usage})
        return [*(b"data: " + encode(chunk) + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n"]

    def error(self, fault: ErrorReply) -> object:
        """See ``ServerSide``."""
        return error_body(fault.kind, fault.code, fault.message)


def _texts(message: _Message) -> Iterator[str]:
    match message.content:
        case None:
            pass
        case str(text):
            yield text
        case parts:
            yield from map(text_of, parts)


def _usage(spent: ClaimedUsage) -> dict[str, object]:
    usage: dict[str, object] = {
        "prompt_tokens": spent.entered,
        "completion_tokens": spent.left,
        "total_tokens": spent.entered + spent.left,
        "prompt_tokens_details": {"cached_tokens": spent.cached},
    }
    return usage if spent.cost is None else usage | {"cost": spent.cost}


def _frame(by: Wording, kind: str) -> dict[str, object]:
    return {
        "id": f"chatcmpl-{by.digest[:24]}",
        "object": kind,
        "created": 0,  # a script has no clock: the same request gets the same bytes
        "model": by.model,
        "system_fingerprint": f"script-{by.fingerprint}",
    }


def _chunk(by: Wording, delta: dict[str, object], finish: str | None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _frame(by, "chat.completion.chunk") | {"choices": [choice]}


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, object]]:
    yield {"role": "assistant", "content": ""}
    for key in ("content", "refusal"):
        for piece in pieces(message.get(key) or ""):
            yield {key: piece}
    for index, call in enumerate(message.get("tool_calls", ())):
        named = {"name": call["function"]["name"], "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": named}]}
        for piece in pieces(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
