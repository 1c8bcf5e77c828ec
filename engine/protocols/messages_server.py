"""Anthropic's messages, as an endpoint has them."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from engine.protocols.messages import error_body
from engine.protocols.server_side import (
    ClaimedUsage,
    ErrorReply,
    ServerRequest,
    Tool,
    Wording,
    encode,
    event,
    pieces,
    text_of,
    told_later,
)
from engine.protocols.shown_images import shown_images


class _Message(Struct, frozen=True):
    role: str
    content: Any = None


class _Offer(Struct, frozen=True):
    name: str = ""
    input_schema: dict[str, Any] | None = None


class _Request(Struct, frozen=True):
    model: str
    messages: list[_Message]
    system: Any = None
    tools: list[_Offer] | None = None
    stream: bool | None = None


class MessagesServer:
    """See ``ServerSide``."""

    def read(self, body: bytes, path: str) -> ServerRequest:
        """See ``ServerSide``."""
        del path
        request = msgspec.json.decode(body, type=_Request)
        if not request.messages:
            raise msgspec.ValidationError("no messages")
        roles = [message.role for message in request.messages]
        first = roles.index("assistant") if "assistant" in roles else len(roles)
        texts = [text_of(request.system), *(text_of(each.content) for each in request.messages[:first])]
        return ServerRequest(
            model=request.model,
            opening="\n".join(text for text in texts if text),
            turn=roles.count("assistant"),
            tools=tuple(Tool(offer.name, offer.input_schema or {}) for offer in request.tools or ()),
            stream=bool(request.stream),
            images=shown_images([each.content for each in request.messages[:first]]),
            later=told_later(each.content for each in request.messages[first:] if each.role != "assistant"),
        )

    def answer(self, by: Wording, message: dict[str, Any], spent: ClaimedUsage) -> list[bytes]:
        """See ``ServerSide``."""
        blocks = list(_blocks(message))
        stop = "refusal" if message.get("refusal") else "tool_use" if "tool_calls" in message else "end_turn"
        whole: dict[str, object] = {
            "id": f"msg_{by.digest[:24]}",
            "type": "message",
            "role": "assistant",
            "model": by.model,
            "content": blocks,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": _usage(spent),
        }
        return _stream(whole, blocks, spent) if by.asked.stream else [encode(whole)]

    def error(self, fault: ErrorReply) -> object:
        """See ``ServerSide``."""
        return error_body(fault.status, fault.message)


def _blocks(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    text = message.get("content")
    text = message.get("refusal") if text is None else text
    if text is not None:
        yield {"type": "text", "text": text}
    for call in message.get("tool_calls", ()):
        arguments = msgspec.json.decode(call["function"]["arguments"])
        named = call["id"].replace("call_", "toolu_")
        yield {"type": "tool_use", "id": named, "name": call["function"]["name"], "input": arguments}


def _stream(whole: dict[str, object], blocks: list[dict[str, Any]], spent: ClaimedUsage) -> list[bytes]:
    usage = _usage(spent)
    begun = whole | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    told = [event("message_start", {"message": begun})]
    for index, block in enumerate(blocks):
        empty, deltas = _deltas(block)
        told.append(event("content_block_start", {"index": index, "content_block": empty}))
        told += [event("content_block_delta", {"index": index, "delta": delta}) for delta in deltas]
        told.append(event("content_block_stop", {"index": index}))
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    told.append(event("message_delta", {"delta": delta, "usage": usage}))
    return [*told, event("message_stop", {})]


def _deltas(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    if block["type"] == "text":
        return block | {"text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    whole = encode(block["input"]).decode()
    return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(whole)]


def _usage(spent: ClaimedUsage) -> dict[str, object]:
    """Count as Anthropic does: what came from the cache, or went there, is not part of the input."""
    return {
        "input_tokens": spent.entered - spent.cached - spent.written,
        "cache_creation_input_tokens": spent.written,
        "cache_read_input_tokens": spent.cached,
        "output_tokens": spent.left,
    } | ({} if spent.cost is None else {"cost": spent.cost})
