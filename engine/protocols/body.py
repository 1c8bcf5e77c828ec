"""The body of an answer, taken apart by what it is: its content type is not asked, since many servers get it wrong.

One JSON text, server-sent events, or one JSON text a line; with a byte order mark, blank lines or none between events,
the end of a stream behind a JSON text. What says nothing is passed over: comments, pings, ``null``, empty events.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from engine.protocols.json_text import Json, decode, decode_first

_MARK: Final = b"\xef\xbb\xbf"
_DONE: Final = "[done]"
_ENDED: Final = b"[DONE]"
_BLANKS: Final = re.compile(r"\s*")
_BEFORE: Final = re.compile(rb"(?:\s|:[^\r\n]*[\r\n])*")
"""Blank lines and comments that keep a connection open until the answer is there."""


class ServerSentEvent(NamedTuple):
    """One server-sent event."""

    kind: str
    """As its ``event`` line says. Empty: it has none."""
    data: bytes
    """Its data lines, joined by line ends."""


class Body(NamedTuple):
    """What a body says."""

    pieces: tuple[Json, ...]
    """Its JSON objects, in order, up to the first part that cannot be read."""
    whole: bool
    """Whether it is one JSON text, and not a stream."""
    done: bool
    """Whether a stream says that it has ended (``[DONE]``)."""
    broken: str | None
    """What is wrong with the first part that cannot be read. None: all of it says something, or nothing."""


class _Reading:
    """A body while it is read."""

    def __init__(self) -> None:
        self.pieces: list[Json] = []
        self.whole = False
        self.done = False
        self.broken: str | None = None

    def take(self, kind: str, value: Any) -> None:
        """Take in one JSON value: an object, or a list of them. Anything else says nothing."""
        for each in value if isinstance(value, list) else (value,):
            if isinstance(each, dict):
                is_error = kind == "error" and "error" not in each
                self.pieces.append({"error": each} if is_error else each)

    def scan(self, kind: str, text: str) -> None:
        """Take in a text that may hold several JSON values, one after the other, and words between them."""
        at = 0
        while (at := _after_blanks(text, at)) < len(text):
            if text[at] in "{[" and text[at : at + len(_DONE)].lower() != _DONE:
                try:
                    value, at = decode_first(text, at)
                except ValueError as error:
                    self.broken = str(error)
                    return
                self.take(kind, value)
            else:
                at = self._word(kind, text, at)

    def _word(self, kind: str, text: str, at: int) -> int:
        """Pass over a word; give where what follows begins."""
        if text.startswith("data:", at):
            return at + len("data:")
        ends = text.find("\n", at)
        word = text[at : ends if ends >= 0 else len(text)].strip()
        if word.lstrip('"').lower().startswith(_DONE):
            self.done = True
        elif kind == "error" and word != "null":
            self.pieces.append({"error": word})
        return at + max(len(word), 1)


def body_of(raw: bytes) -> Body:
    """Take a body apart. Never fails: what cannot be read is said."""
    before = _BEFORE.match(raw, len(_MARK) if raw.startswith(_MARK) else 0)
    data, reading = raw[0 if before is None else before.end() :].rstrip(), _Reading()
    if data[:1] in {b"{", b"["}:
        _read_json(reading, data)
    else:
        for event in events_in(data):
            _read_event(reading, event)
            if reading.broken is not None:
                break
    return Body(tuple(reading.pieces), reading.whole, reading.done, reading.broken)


def events_in(raw: bytes) -> Iterator[ServerSentEvent]:
    """Split server-sent events.

    Lines end as the standard allows, comments (OpenRouter's keep-alives) are skipped, several data lines make one
    event. A last event without its empty line is given too: some servers end so. A line of bare JSON is an event too.
    """
    kind, data = "", list[bytes]()
    for line in raw.removeprefix(_MARK).splitlines():
        name, colon, value = line.partition(b":")
        if not line:
            yield from _event(kind, data)
            kind, data = "", []
        elif line.lstrip()[:1] in {b"{", b"["}:
            yield from _event(kind, data)
            yield ServerSentEvent(kind, line)
            data = []
        elif colon and name.strip() == b"data":
            data.append(value.removeprefix(b" "))
        elif name.strip() == b"event":
            yield from _event(kind, data)
            data = []
            kind = value.strip().decode("utf-8", "replace")
    yield from _event(kind, data)


def objects(value: Any) -> list[Json]:
    """Give the objects of a list, or the one object there is; anything else holds none."""
    if isinstance(value, list):
        return [each for each in value if isinstance(each, dict)]
    return [value] if isinstance(value, dict) else []


def _event(kind: str, data: list[bytes]) -> Iterator[ServerSentEvent]:
    if data:
        yield ServerSentEvent(kind, b"\n".join(data))


def _read_json(reading: _Reading, data: bytes) -> None:
    try:
        value = decode(data)
    except ValueError:  # more than one JSON text, or one that is cut
        reading.scan("", data.decode("utf-8", "replace"))
    else:
        reading.whole = True
        reading.take("", value)


def _read_event(reading: _Reading, event: ServerSentEvent) -> None:
    if event.data == _ENDED:  # with which nearly every stream ends, and which is no JSON
        reading.done = True
        return
    try:
        value = decode(event.data)
    except ValueError:
        reading.scan(event.kind, event.data.decode("utf-8", "replace"))
        return
    if isinstance(value, dict | list):
        reading.take(event.kind, value)
    else:
        reading.scan(event.kind, event.data.decode("utf-8", "replace"))


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return at if found is None else found.end()
