"""Texts that come in pieces: the deltas of a streamed answer, or of a transcript with a JSON object a line.

A value that lies across two pieces is in no line of such bytes, and yet whoever joins the pieces has it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Json = dict[str, Any] | list[Any]
Path = tuple[str | int, ...]

_TELLS_APART = ("type", "index", "output_index", "content_index")
"""Fields by whose values protocols tell pieces of one text from those of another."""


class TextSpan(NamedTuple):
    """A part of a joined text, in bytes, and what is to stand in its place."""

    start: int
    end: int
    """Behind its last byte."""
    mark: bytes


class Piece(NamedTuple):
    """A piece of a text: in which line, and where in its JSON."""

    line: int
    path: Path
    data: bytes


class JoinedText(NamedTuple):
    """A text with the pieces that it came in."""

    pieces: tuple[Piece, ...]

    @property
    def joined(self) -> bytes:
        """The whole text, as UTF-8; lone surrogates stay."""
        return b"".join(piece.data for piece in self.pieces)


def joined_texts(data: bytes) -> dict[Path, JoinedText]:
    """Find the texts that come in more than one piece.

    Args:
        data: Server-sent events, or a JSON object a line. Lines that are neither say nothing.
    """
    found: dict[Path, list[Piece]] = {}
    for number, line in enumerate(data.splitlines()):
        try:
            texts = list(_texts(_json_in(line), (), ()))
        except RecursionError:  # no stream of texts is nested like that
            continue
        for place, path, text in texts:
            found.setdefault(place, []).append(Piece(number, path, text.encode("utf-8", "surrogatepass")))
    return {place: JoinedText(tuple(pieces)) for place, pieces in found.items() if len(pieces) > 1}


def without(data: bytes, texts: Mapping[Path, JoinedText], spans: Mapping[Path, Sequence[TextSpan]]) -> bytes:
    """Put marks in the place of parts of joined texts. Lines that hold none of them stay as they are, byte for byte."""
    changed: dict[int, list[tuple[Path, bytes]]] = {}
    for place, cut in spans.items():
        start = 0
        for piece in texts[place].pieces:
            kept = _cut(piece.data, start, cut)
            if kept != piece.data:
                changed.setdefault(piece.line, []).append((piece.path, kept))
            start += len(piece.data)
    lines = data.splitlines(keepends=True)
    for number, texts_of_line in changed.items():
        lines[number] = _rewritten(lines[number], texts_of_line)
    return b"".join(lines)


def _cut(data: bytes, start: int, spans: Sequence[TextSpan]) -> bytes:
    """Leave what lies in a span out of a piece that begins at `start` of its text; a mark stands where one begins."""
    kept, at = b"", start
    for span in spans:
        if span.end <= start or span.start >= start + len(data):
            continue
        kept += data[at - start : max(span.start, at) - start]
        kept += span.mark if span.start >= start else b""
        at = min(span.end, start + len(data))
    return kept + data[at - start :]


def _rewritten(line: bytes, texts: Sequence[tuple[Path, bytes]]) -> bytes:
    bare = line.rstrip(b"\r\n")
    value = _json_in(bare)
    for path, text in texts:
        inner: Any = value
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = text.decode("utf-8", "surrogatepass")
    prefix = b"data: " if bare.startswith(b"data:") else b""
    return prefix + json.dumps(value, separators=(",", ":")).encode() + line[len(bare) :]


def _json_in(line: bytes) -> Json | None:
    bare = line.removeprefix(b"data:").strip()
    if bare[:1] not in {b"{", b"["}:
        return None
    try:
        value = json.loads(bare)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _texts(value: Any, place: Path, path: Path) -> Iterator[tuple[Path, Path, str]]:
    """Give each text in JSON: which text it is a piece of, and where it stands."""
    match value:
        case dict():
            place = (*place, *(str(value[name]) for name in _TELLS_APART if name in value))
            for key, inner in value.items():
                yield from _texts(inner, (*place, key), (*path, key))
        case list():
            for index, inner in enumerate(value):
                yield from _texts(inner, (*place, index), (*path, index))
        case str():
            yield place, path, value
        case _:
            pass
