"""OpenAI's responses, as an endpoint has them."""

from collections.abc import Iterator
from typing import Any, Final

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
    event,
    pieces,
    text_of,
    told_later,
)
from engine.protocols.shown_images import shown_images

_OUTPUTS: Final = frozenset({"function_call", "custom_tool_call", "local_shell_call", "reasoning"})
"""Kinds of items that a model says, besides messages of its role."""


class _Offer(Struct, frozen=True):
    type: str
    name: str = ""
    parameters: dict[str, Any] | None = None


class _Request(Struct, frozen=True):
    model: str
    input: str | list[dict[str, Any]]
    instructions: str | None = None
    tools: list[_Offer] | None = None
    stream: bool | None = None


class ResponsesServer:
    """See ``ServerSide``."""

    def read(self, body: bytes, path: str) -> ServerRequest:
        """See ``ServerSide``. Items of the model that follow each other are one answer."""
        del path
        request = msgspec.json.decode(body, type=_Request)
        if not request.input:
            raise msgspec.ValidationError("no input")
        items = [{"role": "user", "content": request.input}] if isinstance(request.input, str) else request.input
        said = [_by_model(item) for item in items]
        first = said.index(True) if True in said else len(said)
        texts = [request.instructions or "", *(text_of(item.get("content")) for item in items[:first])]
        offered = [offer for offer in request.tools or () if offer.type == "function"]
        return ServerRequest(
            model=request.model,
            opening="\n".join(text for text in texts if text),
            turn=sum(now and not before for before, now in zip([False, *said], said, strict=False)),
            tools=tuple(Tool(offer.name, offer.parameters or {}) for offer in offered),
            stream=bool(request.stream),
            images=shown_images(items[:first]),
            later=told_later(item for item in items[first:] if not _by_model(item)),
        )

    def answer(self, by: Wording, message: dict[str, Any], spent: ClaimedUsage) -> list[bytes]:
        """See ``ServerSide``."""
        items = list(_items(by, message))
        whole = _frame(by, "completed") | {"output": items, "usage": _usage(spent)}
        if not by.asked.stream:
            return [encode(whole)]
        begun = _frame(by, "in_progress") | {"output": [], "usage": None}
        told: list[tuple[str, dict[str, object]]] = [("response.created", {"response": begun})]
        for index, item in enumerate(items):
            told += _told(index, item)
        told.append(("response.completed", {"response": whole}))
        return [event(kind, {"sequence_number": n, **value}) for n, (kind, value) in enumerate(told)]

    def error(self, fault: ErrorReply) -> object:
        """See ``ServerSide``."""
        return error_body(fault.kind, fault.code, fault.message)


def _by_model(item: dict[str, Any]) -> bool:
    return item.get("role") == "assistant" or item.get("type") in _OUTPUTS


def _frame(by: Wording, status: str) -> dict[str, object]:
    return {
        "id": f"resp_{by.digest[:24]}",
        "object": "response",
        "created_at": 0,  # a script has no clock: the same request gets the same bytes
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": by.model,
        "metadata": {"script_fingerprint": by.fingerprint},
    }


def _items(by: Wording, message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    content = message.get("content")
    if content is not None or message.get("refusal"):
        refused = {"type": "refusal", "refusal": message.get("refusal")}
        part = refused if content is None else {"type": "output_text", "text": content, "annotations": []}
        yield {
            "id": f"msg_{by.digest[:24]}",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [part],
        }
    for call in message.get("tool_calls", ()):
        yield {
            "id": f"fc_{by.digest[:24]}",
            "type": "function_call",
            "status": "completed",
            "call_id": call["id"],
            **call["function"],
        }


def _told(index: int, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, object]]]:
    """Tell one item piece by piece."""
    place: dict[str, object] = {"output_index": index, "item_id": item["id"]}
    empty: dict[str, object] = {"content": []} if item["type"] == "message" else {"arguments": ""}
    added = item | empty | {"status": "in_progress"}
    yield "response.output_item.added", {"output_index": index, "item": added}
    if item["type"] == "message":
        yield from _told_part(place | {"content_index": 0}, item["content"][0])
    else:
        for piece in pieces(item["arguments"]):
            yield "response.function_call_arguments.delta", place | {"delta": piece}
        yield "response.function_call_arguments.done", place | {"arguments": item["arguments"]}
    yield "response.output_item.done", {"output_index": index, "item": item}


def _told_part(place: dict[str, object], part: dict[str, Any]) -> Iterator[tuple[str, dict[str, object]]]:
    key = "text" if part["type"] == "output_text" else "refusal"
    yield "response.content_part.added", place | {"part": part | {key: ""}}
    for piece in pieces(part[key]):
        yield f"response.{part['type']}.delta", place | {"delta": piece}
    yield f"response.{part['type']}.done", place | {key: part[key]}
    yield "response.content_part.done", place | {"part": part}


def _usage(spent: ClaimedUsage) -> dict[str, object]:
    return {
        "input_tokens": spent.entered,
        "input_tokens_details": {"cached_tokens": spent.cached},
        "output_tokens": spent.left,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": spent.entered + spent.left,
    } | ({} if spent.cost is None else {"cost": spent.cost})
