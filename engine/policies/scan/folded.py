"""A text as rules read it: case, spacing, line breaks and forms of a letter are folded, and each place has its line."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

from engine.policies.skill.split import normal_lines

INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Characters that take no room: they split a word for a rule, and for no reader."""
_LEADING: Final = re.compile(r"^[\s>#*+\-|/!]+")
"""Marks of Markdown and of comments before the text of a line."""
_EMPHASIS: Final = re.compile(r"[*`_~\"']+")
_CONTINUED: Final = re.compile(r"\s*\\$")


class FoldedText(NamedTuple):
    """A text in one line, paragraphs divided by line ends."""

    text: str
    starts: tuple[int, ...]
    """Where each piece of it begins."""
    lines: tuple[int, ...]
    """The line of the source, from 1, of each piece."""

    def line_at(self, place: int) -> int:
        """Name the line of the source that a place of the text stands on."""
        return self.lines[max(0, bisect_right(self.starts, place) - 1)]


def visible(text: str) -> str:
    """Give a text without what takes no room, and with its compatible characters in their plain form."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", INVISIBLE.sub("", text))


def prose(text: str) -> FoldedText:
    """Fold a text for rules about sentences: lower case, single spaces, no emphasis, lines of a paragraph joined."""
    return _joined(_sentences(text), " ")


def commands(text: str) -> FoldedText:
    """Fold a text for rules about commands: one line each, continued lines joined, single spaces."""
    return _joined(_logical(text), "\n")


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(normal_lines(text).split("\n"), start=1):
        bare = _EMPHASIS.sub("", _LEADING.sub("", visible(line))).casefold()
        yield number, " ".join(bare.split())


def _logical(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(normal_lines(text).split("\n"), start=1):
        yield number, " ".join(visible(line).split())


def _joined(pieces: Iterator[tuple[int, str]], between: str) -> FoldedText:
    parts: list[str] = []
    starts: list[int] = []
    lines: list[int] = []
    place, glue = 0, ""
    for number, piece in pieces:
        if not piece:
            glue = "\n" if parts else ""
            continue
        parts.append(glue + piece)
        starts.append(place + len(glue))
        lines.append(number)
        place += len(glue) + len(piece)
        glue = between
        if between == "\n" and _CONTINUED.search(piece):
            parts[-1] = _CONTINUED.sub("", parts[-1])
            place = starts[-1] + len(_CONTINUED.sub("", piece))
            glue = " "
    return FoldedText("".join(parts), tuple(starts) or (0,), tuple(lines) or (1,))
