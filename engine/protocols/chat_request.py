"""Requests as chat completions have them: messages and tools are embedded byte for byte."""

from typing import Any, Final

from msgspec import Raw, json

from engine.protocols.request import INCLUDE_USAGE, ChatRequest, checked, in_tables, inline_image, is_image

CHAT_PATH: Final = "/chat/completions"
RESERVED: Final = frozenset({"messages", "model", "stream", "tools"})
"""Body fields that belong to the request itself and so cannot be set as parameters."""
_FOREIGN: Final = b"thinking_blocks"
"""What only Anthropic's messages take back. A conversation may have begun there."""


_IMAGE: Final = b'"media_type"'
"""What stands in every message that names an image; in the text of one, quotes are escaped."""


class ChatRequests:
    """See ``RequestWriter``."""

    def body(self, request: ChatRequest) -> bytes:
        """See ``RequestWriter``.

        Order: model, messages, tools, stream, then the parameters by name, `INCLUDE_USAGE` in its table. ``stream`` is
        sent only when it is true, and no other field is added.
        """
        parameters = checked(request.parameters, RESERVED)
        body: dict[str, Any] = {
            "model": request.model,
            "messages": _messages(request),
        }
        if request.tools is not None:
            body["tools"] = Raw(request.tools)
        if request.stream:
            body["stream"] = True
        if request.protocol is not None:
            return json.encode(body | in_tables(parameters))
        for name, value in parameters.items():
            if name == INCLUDE_USAGE:
                body["stream_options"] = {"include_usage": value}
            else:
                body[name] = value
        return json.encode(body)

    def path(self, model: str, *, stream: bool) -> str:
        """See ``RequestWriter``."""
        del model, stream
        return CHAT_PATH


def _messages(request: ChatRequest) -> list[Raw]:
    """Write all messages. Most conversations are as they are sent: one look through all of them says so."""
    # JSON holds no NUL, so nothing is found across two messages.
    together = b"\0".join(request.messages)
    if _IMAGE not in together and _FOREIGN not in together:
        return list(map(Raw, request.messages))
    return [Raw(_message(message, request)) for message in request.messages]


def _message(message: bytes, request: ChatRequest) -> bytes:
    """Write a message: the same bytes, but where it names images, or holds what another protocol keeps in it."""
    if _IMAGE not in message and _FOREIGN not in message:
        return message
    value: dict[str, Any] = json.decode(message)
    content = value.get("content")
    foreign = value.pop(_FOREIGN.decode(), None)
    parts = content if isinstance(content, list) else []
    if foreign is None and not any(map(is_image, parts)):
        return message
    if parts:
        value["content"] = [_part(part, request) for part in parts]
    return json.encode(value)


def _part(part: Any, request: ChatRequest) -> Any:
    if not is_image(part):
        return part
    image = inline_image(part, request.images)
    return {"type": "image_url", "image_url": {"url": f"data:{image.media_type};base64,{image.base64}"}}
