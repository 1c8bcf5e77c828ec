"""What the gateway must know of a protocol: what was asked, what was answered, how a key and an error are written."""

from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec

from engine.protocols.chat_stream import DONE, events_in
from engine.protocols.errors import UNREADABLE, MalformedReply, Seen
from engine.protocols.reply import ChatReply, ReplyCall, Usage, spent

ProtocolName = Literal["chat", "responses", "messages", "gemini"]
"""OpenAI's chat completions and responses, Anthropic's messages, Google's generateContent."""

Json = dict[str, Any]

REFUSED: Final = "stillroom_"
"""What the codes of the gateway's own errors begin with, so that nobody takes them for a provider's."""


class RequestFacts(NamedTuple):
    """A request, as far as the gateway looks at it."""

    model: str
    """Empty: it names none."""
    stream: bool
    most_output: int | None
    """Tokens the answer may have. None: the request sets no bound."""


class Whole(NamedTuple):
    """An answer, whichever way it came."""

    text: str
    reasoning: str
    calls: tuple[ReplyCall, ...]
    finish: str | None
    model: str | None
    usage: Usage
    id: str | None


class ApiProtocol(Protocol):
    """One protocol."""

    @property
    def name(self) -> ProtocolName:
        """As events have it."""
        ...

    def facts(self, body: Json, path: str) -> RequestFacts:
        """Look at a request."""
        ...

    def bounded(self, body: Json, most: int) -> Json:
        """Give a request with the length of its answer bounded, in tokens."""
        ...

    def read(self, raw: bytes, seen: Seen) -> ChatReply:
        """Read an answer of status 200, in one piece or streamed.

        Raises:
            ProviderError: It is cut, or holds an error, or is not this protocol.
        """
        ...

    def key(self, key: str) -> tuple[str, str]:
        """Name the header that carries a key, and write it."""
        ...

    def error(self, status: int, code: str, message: str) -> object:
        """Word an error of the gateway's own."""
        ...


def body_in(raw: bytes) -> Json | None:
    """Read a request's body. None: it is not a JSON object."""
    try:
        body = msgspec.json.decode(raw)
    except UNREADABLE:
        return None
    return body if isinstance(body, dict) else None


def pieces_in(raw: bytes, seen: Seen) -> list[Json]:
    """Give an answer's JSON objects: one, or those of a stream.

    Raises:
        MalformedReply: They are no JSON objects.
    """
    try:
        if raw.lstrip()[:1] in {b"{", b"["}:
            whole = msgspec.json.decode(raw)
            found = whole if isinstance(whole, list) else [whole]
        else:
            found = [msgspec.json.decode(data) for data in events_in(raw) if data != DONE]
    except UNREADABLE as error:
        raise MalformedReply(f"the endpoint's answer is not JSON: {error}", seen=seen) from error
    if not all(isinstance(each, dict) for each in found):
        raise MalformedReply("the endpoint's answer is not made of JSON objects", seen=seen)
    return found


def reply_from(whole: Whole, seen: Seen) -> ChatReply:
    """Turn an answer into a reply, with the message as chat completions have it.

    Raises:
        MalformedReply: There is nothing in it: no text, no call, no reasoning, no output counted.
    """
    assert seen.raw is not None
    assert seen.status is not None
    if not (whole.text or whole.calls or whole.reasoning or spent(whole.usage, whole.finish)):
        raise MalformedReply("the model answered with neither text nor a tool call", seen=seen)
    message: Json = {"role": "assistant", "content": whole.text or (None if whole.calls else "")}
    if whole.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in whole.calls
        ]
    return ChatReply(
        raw=seen.raw,
        status=seen.status,
        message=msgspec.json.encode(message, order="sorted"),
        text=whole.text or None,
        reasoning=whole.reasoning or None,
        tool_calls=whole.calls,
        finish=whole.finish,
        model=whole.model,
        usage=whole.usage,
        cost_usd=None,
        request_id=seen.request_id or whole.id,
        left=seen.left,
    )


def written(value: Any) -> str:
    """Write arguments as JSON; text stays as it is."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def text(value: Any) -> str | None:
    """Take a text. None: it is none, or empty."""
    return value if isinstance(value, str) and value else None


def tokens(value: Any) -> int | None:
    """Take a count of tokens; one that makes no sense was not said."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def within(value: Any, *keys: str) -> Any:
    """Follow keys into JSON. None: they lead nowhere."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def together(*counts: int | None) -> int | None:
    """Add counts, of which the first must be known."""
    return None if counts[0] is None else sum(count or 0 for count in counts)
