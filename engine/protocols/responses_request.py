"""Requests as OpenAI's responses have them, written from a conversation as chat completions have it.

The system's message stands beside the others as ``instructions``; calls and their results are items of their own.
"""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import json

from engine.protocols.json_text import Json
from engine.protocols.request import (
    ChatRequest,
    checked,
    in_tables,
    inline_image,
    is_image,
    parts_of,
    tools_in,
    turned,
    words_of,
)

RESERVED: Final = frozenset({"input", "instructions", "model", "stream", "tools"})
"""Body fields that belong to the request itself and so cannot be set as parameters."""
_NAMES: Final = {
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
}
"""Parameters that are known under the names of chat completions."""


class ResponsesRequests:
    """See ``RequestWriter``."""

    def body(self, request: ChatRequest) -> bytes:
        """See ``RequestWriter``."""
        parameters = in_tables(turned(checked(request.parameters, RESERVED), _NAMES))
        said = [json.decode(message) for message in request.messages]
        system = "\n\n".join(words_of(each.get("content")) for each in said if each["role"] == "system")
        body: Json = {"model": request.model}
        if system:
            body["instructions"] = system
        body["input"] = [item for each in said if each["role"] != "system" for item in _items(each, request)]
        if request.tools is not None:
            body["tools"] = [{"type": "function", **each} for each in tools_in(request)]
        if request.stream:
            body["stream"] = True
        return json.encode(body | parameters)

    def path(self, model: str, *, stream: bool) -> str:
        """See ``RequestWriter``."""
        del model, stream
        return "/responses"


def _items(message: Json, request: ChatRequest) -> Iterator[Json]:
    match message["role"]:
        case "assistant":
            yield from _said(message)
        case "tool":
            output = words_of(message.get("content"))
            yield {"type": "function_call_output", "call_id": message["tool_call_id"], "output": output}
        case role:
            parts = list(_given(message.get("content"), request))
            if parts:
                yield {"role": role, "content": parts}


def _said(message: Json) -> Iterator[Json]:
    """Give what the model said: its text, then its calls."""
    if text := words_of(message.get("content")):
        yield {"role": "assistant", "content": [{"type": "output_text", "text": text}]}
    for call in message.get("tool_calls") or ():
        function = call["function"]
        yield {
            "type": "function_call",
            "call_id": call["id"],
            "name": function["name"],
            "arguments": function["arguments"],
        }


def _given(content: Any, request: ChatRequest) -> Iterator[Json]:
    for part in parts_of(content):
        if is_image(part):
            image = inline_image(part, request.images)
            yield {"type": "input_image", "image_url": f"data:{image.media_type};base64,{image.base64}"}
        elif part.get("text"):
            yield {"type": "input_text", "text": part["text"]}
