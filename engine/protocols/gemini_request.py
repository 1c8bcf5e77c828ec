"""Requests as Google's generateContent has them, written from a conversation as chat completions have it.

The model and whether a stream is wanted stand in the path. Results name the function that was called; the signature
with which the model comes back to its thoughts stands beside its call.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from msgspec import json

from engine.protocols.gemini import STREAMED
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

RESERVED: Final = frozenset({"contents", "model", "stream", "systemInstruction", "tools"})
"""Body fields that belong to the request itself and so cannot be set as parameters."""
_NAMES: Final = {
    "frequency_penalty": "generationConfig.frequencyPenalty",
    "max_completion_tokens": "generationConfig.maxOutputTokens",
    "max_tokens": "generationConfig.maxOutputTokens",
    "presence_penalty": "generationConfig.presencePenalty",
    "seed": "generationConfig.seed",
    "stop": "generationConfig.stopSequences",
    "temperature": "generationConfig.temperature",
    "top_k": "generationConfig.topK",
    "top_p": "generationConfig.topP",
}
"""Parameters that are known under the names of chat completions."""
_DERIVED: Final = re.compile(r"call_[0-9a-f]{16}_\d+")
"""Ids of calls to which the provider gave none."""


class GeminiRequests:
    """See ``RequestWriter``."""

    def body(self, request: ChatRequest) -> bytes:
        """See ``RequestWriter``."""
        parameters = in_tables(turned(checked(request.parameters, RESERVED), _NAMES))
        settings = parameters.get("generationConfig", {})
        if isinstance(settings.get("stopSequences"), str):
            settings["stopSequences"] = [settings["stopSequences"]]
        said = [json.decode(message) for message in request.messages]
        system = [{"text": words} for each in said if each["role"] == "system" if (words := words_of(each["content"]))]
        calls = {call["id"]: call["function"]["name"] for each in said for call in each.get("tool_calls") or ()}
        turns = (_turn(each, calls, request) for each in said if each["role"] != "system")
        body: Json = {}
        if system:
            body["systemInstruction"] = {"parts": system}
        body["contents"] = merged(turns, "parts")
        if request.tools is not None:
            body["tools"] = [{"functionDeclarations": [_tool(each) for each in tools_in(request)]}]
        return json.encode(body | parameters)

    def path(self, model: str, *, stream: bool) -> str:
        """See ``RequestWriter``."""
        verb = f"{STREAMED}?alt=sse" if stream else "generateContent"
        return f"/models/{quote(model, safe='')}:{verb}"


def _turn(message: Json, calls: Mapping[str, str], request: ChatRequest) -> Json:
    match message["role"]:
        case "assistant":
            return {"role": "model", "parts": list(_said(message))}
        case "tool":
            return {"role": "user", "parts": [_result(message, calls)]}
        case _:
            return {"role": "user", "parts": list(_given(message.get("content"), request))}


def _said(message: Json) -> Iterator[Json]:
    if text := words_of(message.get("content")):
        yield {"text": text}
    for call in message.get("tool_calls") or ():
        told = {"name": call["function"]["name"], "args": arguments_in(call), **_id(call["id"])}
        google = (call.get("extra_content") or {}).get("google") or {}
        signature = google.get("thought_signature")
        yield {"functionCall": told} | ({} if signature is None else {"thoughtSignature": signature})


def _result(message: Json, calls: Mapping[str, str]) -> Json:
    named = message["tool_call_id"]
    output = {"output": words_of(message.get("content"))}
    return {"functionResponse": {"name": calls.get(named, named), "response": output, **_id(named)}}


def _id(given: str) -> Json:
    """Give an id back to whoever gave it."""
    return {} if _DERIVED.fullmatch(given) else {"id": given}


def _given(content: Any, request: ChatRequest) -> Iterator[Json]:
    for part in parts_of(content):
        if is_image(part):
            image = inline_image(part, request.images)
            yield {"inlineData": {"mimeType": image.media_type, "data": image.base64}}
        elif part.get("text"):
            yield {"text": part["text"]}


def _tool(function: Json) -> Json:
    described = {"description": function["description"]} if "description" in function else {}
    schema = {"parametersJsonSchema": function["parameters"]} if "parameters" in function else {}
    return {"name": function["name"], **described, **schema}
