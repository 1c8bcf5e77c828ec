"""A stream that commands print to: what its encoding has no letters for is spelled, and its reader may leave."""

import codecs
from collections.abc import Mapping
from typing import IO, Final

_SPELLED: Final[Mapping[str, str]] = {
    "·": "-",
    "…": "...",
    "→": "->",
    "←": "<-",
    "±": "+/-",
    "\N{MULTIPLICATION SIGN}": "x",
    "≤": "<=",
    "≥": ">=",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "│": "|",
    "─": "-",
    "├": "|",
    "└": "`",
    "█": "#",
    "•": "*",
    "●": "*",
    "○": "o",
    "✓": "v",
    "✗": "x",
    "\N{NO-BREAK SPACE}": " ",
}
"""How marks that views draw are written where only ASCII is: by what looks like them."""


class Outlet:
    """Passes text on to a stream; a letter that its encoding lacks is spelled, and never ends a command."""

    def __init__(self, stream: IO[str], *, needed: bool) -> None:
        """Take a stream.

        Args:
            stream: Where to.
            needed: Whether a command ends when the stream's reader leaves (``| head``). Else what is printed from then
                on goes nowhere.
        """
        self._stream = stream
        self.needed = needed
        self._left = False

    @property
    def encoding(self) -> str:
        """Name of the stream's encoding."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    @property
    def unicode(self) -> bool:
        """Whether every letter may be written as it is."""
        return codecs.lookup(self.encoding).name.startswith("utf")

    def isatty(self) -> bool:
        """Say whether it is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Give the number of the stream's descriptor."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write a text.

        Raises:
            BrokenPipeError: Its reader left, and the stream is needed.
        """
        try:
            if not self._left:
                self._stream.write(legible(text, self.encoding))
        except BrokenPipeError:
            self._leave()
        return len(text)

    def flush(self) -> None:
        """Pass on what waits.

        Raises:
            BrokenPipeError: Its reader left, and the stream is needed.
        """
        try:
            if not self._left:
                self._stream.flush()
        except BrokenPipeError:
            self._leave()

    def _leave(self) -> None:
        """Note that nobody reads any more.

        Raises:
            BrokenPipeError: The stream is needed. Called while the same error is being handled.
        """
        self._left = True
        if self.needed:
            raise  # noqa: PLE0704 - the error that is being handled


def legible(text: str, encoding: str) -> str:
    """Spell what an encoding has no letters for, by what looks like it or as an escape."""
    if text.isascii() or _has_letters(encoding, text):
        return text
    return "".join(letter if _has_letters(encoding, letter) else _spelled(letter, encoding) for letter in text)


def _has_letters(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _spelled(letter: str, encoding: str) -> str:
    return _SPELLED.get(letter) or letter.encode(encoding, "backslashreplace").decode(encoding)


def ascii_json(line: str) -> str:
    """Write a line of JSON in ASCII: other letters only stand in strings, where JSON has escapes for them."""
    return "".join(letter if letter.isascii() else _escaped(letter) for letter in line)


def _escaped(letter: str) -> str:
    pair = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pair[at : at + 2].hex()}" for at in range(0, len(pair), 2))
