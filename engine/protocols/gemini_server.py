"""Google's generateContent, as an endpoint has it."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from engine.protocols.gemini import STREAMED, called, error_body
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


class _Content(Struct, frozen=True):
    role: str = "user"
    parts: list[dict[str, Any]] = []


class _Declared(Struct, frozen=True, rename="camel"):
    name: str = ""
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None


class _Tools(Struct, frozen=True, rename="camel"):
    function_declarations: list[_Declared] = []


class _Request(Struct, frozen=True, rename="camel"):
    contents: list[_Content]
    system_instruction: _Content | None = None
    tools: list[_Tools] | None = None


class GeminiServer:
    """See ``ServerSide``."""

    def read(self, body: bytes, path: str) -> ServerRequest:
        """See ``ServerSide``. The model and whether a stream is wanted stand in the path."""
        model, verb = called(path)
        request = msgspec.json.decode(body, type=_Request)
        if not request.contents:
            raise msgspec.ValidationError("no contents")
        roles = [content.role for content in request.contents]
        first = roles.index("model") if "model" in roles else len(roles)
        told = ([] if request.system_instruction is None else [request.system_instruction]) + request.contents[:first]
        declared = [each for tools in request.tools or () for each in tools.function_declarations]
        return ServerRequest(
            model=model,
            opening="\n".join(text_of(content.parts) for content in told),
            turn=roles.count("model"),
            tools=tuple(Tool(each.name, each.parameters_json_schema or each.parameters or {}) for each in declared),
            stream=verb == STREAMED,
            images=shown_images([content.parts for content in told]),
            later=told_later(each.parts for each in request.contents[first:] if each.role != "model"),
        )

    def answer(self, by: Wording, message: dict[str, Any], spent: ClaimedUsage) -> list[bytes]:
        """See ``ServerSide``. A stream comes as server-sent events, which every client of ours asks for."""
        finish = "SAFETY" if message.get("refusal") else "STOP"
        parts = list(_parts(message))
        if not by.asked.stream:
            return [encode(_frame(by, parts, finish) | {"usageMetadata": _usage(spent)})]
        split = [{"text": piece} for part in parts for piece in pieces(part.get("text", ""))]
        split += [part for part in parts if "functionCall" in part]
        chunks = [_frame(by, [part], None) for part in split]
        chunks.append(_frame(by, [{"text": ""}], finish) | {"usageMetadata": _usage(spent)})
        return [b"data: " + encode(chunk) + b"\r\n\r\n" for chunk in chunks]

    def error(self, fault: ErrorReply) -> object:
        """See ``ServerSide``."""
        return error_body(fault.status, fault.message)


def _parts(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if message.get("content") is not None:
        yield {"text": message["content"]}
    for call in message.get("tool_calls", ()):
        arguments = msgspec.json.decode(call["function"]["arguments"])
        yield {"functionCall": {"id": call["id"], "name": call["function"]["name"], "args": arguments}}


def _frame(by: Wording, parts: list[dict[str, Any]], finish: str | None) -> dict[str, object]:
    candidate: dict[str, object] = {"index": 0, "content": {"role": "model", "parts": parts}}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": by.model, "responseId": by.digest[:24]}


def _usage(spent: ClaimedUsage) -> dict[str, object]:
    return {
        "promptTokenCount": spent.entered,
        "candidatesTokenCount": spent.left,
        "totalTokenCount": spent.entered + spent.left,
        "cachedContentTokenCount": spent.cached,
    } | ({} if spent.cost is None else {"cost": spent.cost})
