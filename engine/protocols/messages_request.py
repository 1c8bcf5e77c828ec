"""Requests as Anthropic's messages have them, written from a conversation as chat completions have it.

The system's message stands beside the others, roles take turns, results of tools are the user's, and calls are blocks.
``max_tokens`` has to be there: whoever starts a run sees to it.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec import json

from engine.protocols.json_text import Json
from engine.protocols.request import (
    ChatRequest,
    arguments_in,
    checked,
    in_tables,
    inline_image,
    is_image,
    merged,
    parts_of,
    tools_in,
    turned,
    words_of,
)

RESERVED: Final = frozenset({"messages", "model", "stream", "system", "tools"})
"""Body fields that belong to the request itself and so cannot be set as parameters."""
_NAMES: Final = {"max_completion_tokens": "max_tokens", "stop": "stop_sequences"}
"""Parameters that are known under the names of chat completions."""
_NO_ID: Final = re.compile(r"[^A-Za-z0-9_-]")
"""What no id of a call may hold."""


class MessagesRequests:
    """See ``RequestWriter``."""

    def body(self, request: ChatRequest) -> bytes:
        """See ``RequestWriter``."""
        parameters = in_tables(turned(checked(request.parameters, RESERVED), _NAMES))
        if isinstance(parameters.get("stop_sequences"), str):
            parameters["stop_sequences"] = [parameters["stop_sequences"]]
        said = [json.decode(message) for message in request.messages]
        system = "\n\n".join(words_of(each.get("content")) for each in said if each["role"] == "system")
        turns = (_turn(each, request) for each in said if each["role"] != "system")
        body: Json = {"model": request.model}
        if system:
            body["system"] = system
        body["messages"] = merged(turns, "content")
        if request.tools is not None:
            body["tools"] = [_tool(each) for each in tools_in(request)]
        if request.stream:
            body["stream"] = True
        return json.encode(body | parameters)

    def path(self, model: str, *, stream: bool) -> str:
        """See ``RequestWriter``."""
        del model, stream
        return "/messages"


def _turn(message: Json, request: ChatRequest) -> Json:
    match message["role"]:
        case "assistant":
            return {"role": "assistant", "content": list(_said(message))}
        case "tool":
            return {"role": "user", "content": [_result(message)]}
        case _:
            return {"role": "user", "content": list(_given(message.get("content"), request))}


def _said(message: Json) -> Iterator[Json]:
    """Give what the model said; its thoughts come first and as they were, since they are signed."""
    yield from message.get("thinking_blocks") or ()
    text = words_of(message.get("content"))
    if text.strip():  # a block of blanks is refused
        yield {"type": "text", "text": text}
    for call in message.get("tool_calls") or ():
        yield {
            "type": "tool_use",
            "id": _id(call["id"]),
            "name": call["function"]["name"],
            "input": arguments_in(call),
        }


def _result(message: Json) -> Json:
    return {
        "type": "tool_result",
        "tool_use_id": _id(message["tool_call_id"]),
        "content": words_of(message.get("content")),
    }


def _given(content: Any, request: ChatRequest) -> Iterator[Json]:
    for part in parts_of(content):
        if is_image(part):
            image = inline_image(part, request.images)
            source = {"type": "base64", "media_type": image.media_type, "data": image.base64}
            yield {"type": "image", "source": source}
        elif str(part.get("text", "")).strip():
            yield {"type": "text", "text": part["text"]}


def _tool(function: Json) -> Json:
    described = {"description": function["description"]} if "description" in function else {}
    return {"name": function["name"], **described, "input_schema": function.get("parameters") or {"type": "object"}}


def _id(given: str) -> str:
    return _NO_ID.sub("_", given)
