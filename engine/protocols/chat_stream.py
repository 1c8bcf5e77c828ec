"""Putting a streamed answer together again: the same message as if it had come in one piece."""

from collections.abc import Iterator
from typing import Any

from msgspec import Raw

from engine.protocols.chat_reply import NOT_GIVEN, Said, calls_in, read_envelope, reasoning_of, text_in
from engine.protocols.errors import MalformedReply, Seen

DONE = b"[DONE]"


def events_in(raw: bytes) -> Iterator[bytes]:
    """Split server-sent events into their data.

    Lines end as the standard allows, comments (OpenRouter's keep-alives) are skipped, several data lines make
    one event. A last event without its empty line is given too: some servers end so.
    """
    data: list[bytes] = []
    for line in raw.removeprefix(b"\xef\xbb\xbf").splitlines():
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            yield b"\n".join(data)
            data = []
    if data:
        yield b"\n".join(data)


class StreamedMessage:
    """A message that grows by deltas."""

    def __init__(self, echo: tuple[str, ...]) -> None:
        self._echo = echo
        self._content: list[str] = []
        self._refusal: list[str] = []
        self._reasoning: list[str] = []
        self._kept: dict[str, Any] = {}
        self._calls: list[dict[str, Any]] = []
        self._latest: dict[int, dict[str, Any]] = {}

    def add(self, delta: dict[str, Any], seen: Seen) -> None:
        """Take in one delta."""
        self._content.append(text_in(delta.get("content"), seen))
        self._refusal.append(text_in(delta.get("refusal"), seen))
        self._reasoning.append(reasoning_of(delta))
        for name in self._echo:
            if delta.get(name) is not None:
                self._kept[name] = _joined(self._kept.get(name), delta[name])
        for piece in calls_in(delta, seen):
            self._add_call(piece)

    def reasoning(self) -> str:
        """Give what was shown of the model's reasoning."""
        return "".join(self._reasoning)

    def whole(self) -> dict[str, Any]:
        """Give the message as it would have come in one piece."""
        message: dict[str, Any] = {"content": "".join(self._content), "refusal": "".join(self._refusal)}
        return self._kept | message | {"tool_calls": self._calls}

    def _add_call(self, piece: dict[str, Any]) -> None:
        """Find the call that a piece belongs to, by its index.

        An id that differs from the one under its index begins a call of its own: Gemini numbers every call
        0. Without an index a piece goes on with the latest call, unless it brings an id.
        """
        index = piece.get("index")
        key = index if isinstance(index, int) else max(len(self._calls) - 1, 0)
        call = self._latest.get(key)
        new_id = piece.get("id")
        if call is None or (new_id and call.get("id") and new_id != call["id"]):
            call = {"function": {}}
            self._calls.append(call)
            self._latest[key if isinstance(index, int) else len(self._calls) - 1] = call
        for name, value in piece.items():
            match name, value:
                case "index", _:
                    pass
                case "function", dict():
                    _add_function(call["function"], value)
                case _ if value is not None and value != "":
                    call[name] = value


def said_in_stream(raw: bytes, seen: Seen, echo: tuple[str, ...]) -> Said:
    """Read a streamed answer from its complete bytes.

    Raises:
        MalformedReply: The stream ends before the answer does.
        ProviderError: It holds an error event.
    """
    message, finish, done = StreamedMessage(echo), None, False
    model: str | None = None
    given_id: str | None = None
    usage: Raw = NOT_GIVEN
    for data in events_in(raw):
        if data == DONE:
            done = True
            break
        envelope = read_envelope(data, seen)
        model = model or (envelope.model if isinstance(envelope.model, str) else None)
        given_id = given_id or (envelope.id if isinstance(envelope.id, str) else None)
        usage = envelope.usage if bytes(envelope.usage) != b"null" else usage
        for choice in envelope.choices or ():
            if choice.index == 0:
                message.add(choice.delta or choice.message or {}, seen)
                finish = choice.finish_reason or finish
    if not done and finish is None:
        raise MalformedReply("the stream ended before the answer did", seen=seen)
    return Said(
        message=message.whole(),
        reasoning=message.reasoning(),
        finish=finish,
        model=model or None,
        id=given_id or None,
        usage=usage,
    )


def _add_function(function: dict[str, Any], piece: dict[str, Any]) -> None:
    """Grow a call's function; a name sent again with every piece (vLLM has done so) is one name."""
    if piece.get("name") and piece["name"] != function.get("name"):
        function["name"] = function.get("name", "") + piece["name"]
    if piece.get("arguments") is not None:
        function["arguments"] = _joined(function.get("arguments"), piece["arguments"])


def _joined(before: Any, piece: Any) -> Any:
    """Put two pieces of the same field together: text and lists grow, anything else is replaced."""
    match before, piece:
        case (str(), str()) | (list(), list()):
            return before + piece
        case _:
            return piece
