"""Where each line of a text comes from, over its revisions: pure, by the lines that stay from one to the next.

A line that stays keeps its origin. One that is new is of the revision that brings it; which of its edits wrote it is
read from their texts. A line that several edits wrote is that of the last one, which is the one that it comes from.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple


class WrittenText(NamedTuple):
    """Text that an edit writes."""

    name: str
    """Of the edit."""
    text: str


class TextRevision(NamedTuple):
    """A state of a text."""

    name: str
    text: str
    edits: tuple[WrittenText, ...] = ()
    """Those that made it, in the order in which they were applied. Empty: nothing says how it was made."""


class LineOrigin(NamedTuple):
    """A line, and where it is from."""

    number: int
    """From 1."""
    text: str
    revision: str
    """Name of the revision that brought it."""
    edit: str | None
    """Name of the edit that wrote it. None: none of its revision's edits has its text."""


def line_origins(revisions: Sequence[TextRevision]) -> list[LineOrigin]:
    """Say of each line of the last revision where it comes from.

    Args:
        revisions: The oldest first; at least one.
    """
    lines: list[str] = []
    origins: list[tuple[str, str | None]] = []
    for revision in revisions:
        new = revision.text.splitlines()
        found = [(revision.name, edit) for edit in _edits_of(new, revision.edits)]
        for block in SequenceMatcher(None, lines, new, autojunk=False).get_matching_blocks():
            found[block.b : block.b + block.size] = origins[block.a : block.a + block.size]
        lines, origins = new, found
    _lend(lines, origins)
    return [
        LineOrigin(number, line, *origin) for number, (line, origin) in enumerate(zip(lines, origins, strict=True), 1)
    ]


def _lend(lines: Sequence[str], origins: list[tuple[str, str | None]]) -> None:
    """Let an empty line be of the line behind it: the one that it was written with may be gone."""
    for place in range(len(lines) - 2, -1, -1):
        if not lines[place].strip():
            origins[place] = origins[place + 1]


def _edits_of(lines: Sequence[str], edits: Sequence[WrittenText]) -> list[str | None]:
    """Find the edit that wrote each line; an empty line is of the edit that wrote the line behind it, or before it."""
    found = [_edit_of(line, edits) for line in lines]
    for places in (range(len(lines) - 2, -1, -1), range(1, len(lines))):
        step = 1 if places.step < 0 else -1
        for place in places:
            if found[place] is None and not lines[place].strip():
                found[place] = found[place + step]
    return found


def _edit_of(line: str, edits: Sequence[WrittenText]) -> str | None:
    """Find the edit that wrote a new line: whole, or, where it is a change within a line, as a part of it.

    An empty line has no text by which it could be told.
    """
    wanted = line.strip()
    if not wanted:
        return None
    for edit in reversed(edits):
        if any(part.strip() == wanted for part in edit.text.splitlines()):
            return edit.name
    within = [edit for edit in edits if edit.text.strip() and edit.text.strip() in wanted]
    return within[-1].name if within else edits[0].name if len(edits) == 1 else None
