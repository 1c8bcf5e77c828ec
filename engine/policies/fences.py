"""Fenced code in Markdown, told apart from prose; source: CommonMark 0.31, section 4.5.

Looser than CommonMark in one way: a fence may be indented by any amount, since models indent the code of a
list item as they like.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

_FENCE = re.compile(r"^\s*(?P<marks>`{3,}|~{3,})(?P<info>.*)$")


class CodeFence(NamedTuple):
    """The line that opens a block."""

    marks: str
    indent: int
    """Columns before the marks; as many are taken off each line of the code."""
    language: str
    """First word of the info string in lower case, without the marks of ``{.bash}``; empty when there is none."""

    def closed_by(self, line: str) -> bool:
        """Whether this line ends the block, as CommonMark has it: not indented by more than three columns."""
        return closes(line, self.marks) and _indent(line) <= self.indent + 3

    def unindented(self, line: str) -> str:
        """A line of the code, without the indentation that the fence has."""
        if not self.indent:
            return line
        line = line.expandtabs(4) if line[: self.indent].find("\t") >= 0 else line
        return line[min(self.indent, _indent(line)) :]


class FencedLine(NamedTuple):
    """One line and where it stands."""

    number: int
    """From 1."""
    text: str
    fenced: bool
    """True for the code and for both fence lines."""


class CodeBlock(Struct, frozen=True):
    """One fenced block."""

    line: int
    """The line of the opening fence, from 1."""
    language: str
    """First word of the info string in lower case; empty when there is none."""
    code: str
    closed: bool
    """False when the text ends inside the block: the usual sign of an answer that was cut short."""


def opening_fence(line: str) -> str | None:
    """The marks which open a block on this line, or None when it opens nothing."""
    match = _FENCE.match(line)
    if match is None or (match["marks"][0] == "`" and "`" in match["info"]):
        return None
    return match["marks"]


def fence_at(line: str) -> CodeFence | None:
    """The fence that this line opens a block with, or None when it opens nothing."""
    marks = opening_fence(line)
    if marks is None:
        return None
    info = line.strip()[len(marks) :].split()
    return CodeFence(marks, _indent(line), info[0].strip("{}.").lower() if info else "")


def _indent(line: str) -> int:
    """Columns of white space before a line's text."""
    wide = line.expandtabs(4)
    return len(wide) - len(wide.lstrip())


def closes(line: str, marks: str) -> bool:
    """Whether this line ends the block which these marks opened."""
    bare = line.strip()
    return len(bare) >= len(marks) and bare == marks[0] * len(bare)


def fenced_lines(text: str) -> Iterator[FencedLine]:
    """Each line of a text in which lines end in LF."""
    marks: str | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if marks is None:
            marks = opening_fence(line)
            yield FencedLine(number, line, marks is not None)
        else:
            yield FencedLine(number, line, fenced=True)
            if closes(line, marks):
                marks = None


def code_blocks(text: str) -> tuple[CodeBlock, ...]:
    """All fenced blocks, in order, the unclosed last one included."""
    found: list[CodeBlock] = []
    marks, start, language = "", 0, ""
    code: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not marks:
            marks = opening_fence(line) or ""
            words = line.strip().strip("`~").split()
            start, language, code = number, words[0].lower() if words else "", []
        elif closes(line, marks):
            found.append(CodeBlock(start, language, "\n".join(code), closed=True))
            marks = ""
        else:
            code.append(line)
    if marks:
        found.append(CodeBlock(start, language, "\n".join(code), closed=False))
    return tuple(found)


def unclosed_fence(text: str) -> int | None:
    """The line of a fence which is never closed, from 1; None when all are."""
    blocks = code_blocks(text)
    return blocks[-1].line if blocks and not blocks[-1].closed else None


def fence_for(code: str) -> str:
    """Backticks enough to hold this code, whatever it holds itself."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    return "`" * max(3, longest + 1)
