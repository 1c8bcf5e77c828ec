"""The fenced blocks of an answer, with shell blocks taken whole or not at all; pure.

A shell script may hold fences of its own: it writes Markdown by a here-document or in quotes. CommonMark would end the
block at the first of them and leave half of a command. So a fence in literal text belongs to the script where the
fences in that text pair up; where they do not, two readings are possible, and the block is unclear.
"""

from typing import Final, NamedTuple

from engine.policies.fences import CodeFence, fence_at
from engine.policies.shell_lexer import ShellLexer

SHELLS: Final = frozenset({"sh", "bash", "shell"})
"""Languages whose blocks are run."""

_NESTED: Final = "another block begins inside it"
_OPEN: Final = "it is never closed"


class Block(NamedTuple):
    """One fenced block."""

    language: str
    """In lower case; empty when it names none."""
    code: str
    """Without the indentation of the fence, and without blank lines around it."""
    problem: str
    """Why nobody can tell where the block ends; empty when it is clear."""
    end: int
    """Where the text goes on after it: the character after the line end of its closing fence."""
    closed: bool
    """Whether it has a closing fence."""


def block_at(text: str, at: int) -> Block | None:
    """The block that the line at this place opens. None: it opens none.

    Args:
        text: With lines that end in LF.
        at: Where a line begins.
    """
    line, after = line_at(text, at)
    fence = fence_at(line)
    if fence is None:
        return None
    return _shell_block(fence, text, after) if fence.language in SHELLS else _other_block(fence, text, after)


def line_at(text: str, at: int) -> tuple[str, int]:
    """The line which begins at this place, and where the next one begins."""
    end = text.find("\n", at)
    return (text[at:], len(text)) if end < 0 else (text[at:end], end + 1)


def _other_block(fence: CodeFence, text: str, at: int) -> Block:
    code: list[str] = []
    problem = ""
    while at < len(text):
        line, at = line_at(text, at)
        if fence.closed_by(line):
            return _block(fence, code, problem, at, closed=True)
        inner = fence_at(line)
        if inner is not None and inner.language and _might_end(fence, inner):
            problem = _NESTED
        code.append(fence.unindented(line))
    return _block(fence, code, problem or _OPEN, at, closed=False)


def _might_end(own: CodeFence, other: CodeFence) -> bool:
    """Whether a fence inside a block is of the kind that could end it, were it bare."""
    same = other.marks[0] == own.marks[0] and len(other.marks) >= len(own.marks)
    return same and other.indent <= own.indent + 3


def _shell_block(fence: CodeFence, text: str, at: int) -> Block:
    """Read lines until a fence ends the block outside of literal text."""
    reader = _ShellReader(fence)
    while at < len(text):
        line, at = line_at(text, at)
        if not reader.lexer.literal and fence.closed_by(line):
            return _block(fence, reader.code, "", at, closed=True)
        if problem := reader.take(line):
            return _block(fence, reader.code, problem, len(text), closed=False)
    left = reader.lexer.literal
    closed = reader.fenced  # by a fence which fell into literal text that never ends
    problem = f"its {left} is never ended" if left else _OPEN
    return _block(fence, reader.code, problem, len(text), closed=closed)


class _ShellReader:
    """Takes the lines of one shell block, watching for fences among them."""

    def __init__(self, fence: CodeFence) -> None:
        self.lexer = ShellLexer()
        self.code: list[str] = []
        self.fenced = False
        """Whether a line like a closing fence of the block was met."""
        self._fence = fence
        self._inner: CodeFence | None = None
        """Open within the literal text that the script is in."""

    def take(self, line: str) -> str:
        """Take a line; say why the block is unclear, or nothing."""
        literal = self.lexer.literal
        script = self._fence.unindented(line)
        fence = fence_at(line)
        if fence is not None and _might_end(self._fence, fence):
            if not literal:
                return _NESTED
            if literal == "backquote":  # it quotes commands, and a fence is none
                return "its backquote is never ended"
            self._pair(fence, line)
        self.code.append(script)
        if literal or fence is None:
            self.lexer.feed(script)
        if self._inner is not None and literal and self.lexer.literal != literal:
            return f"a fence inside its {literal} is never closed"
        return ""

    def _pair(self, fence: CodeFence, line: str) -> None:
        self.fenced = self.fenced or self._fence.closed_by(line)
        if self._inner is None:
            self._inner = fence
        elif self._inner.closed_by(line):
            self._inner = None


def _block(fence: CodeFence, code: list[str], problem: str, end: int, *, closed: bool) -> Block:
    return Block(fence.language, "\n".join(code).strip("\r\n"), problem, end, closed)
