"""Where a shell script stands after each of its lines: in a here-document, in quotes, or in neither; pure.

Source: POSIX.1-2024, Shell Command Language, 2.2 (quoting) and 2.7.4 (here-documents), with bash's ``$'…'``, ``<<<``
and ``((…))``. It parses no commands: it only tells literal text from code, which is what a reader of Markdown needs.
"""

import re
from typing import Final, NamedTuple

_HERE: Final = re.compile(r"""<<(?P<strip>-?)[ \t]*(?P<word>(?:'[^'\n]*'|"[^"\n]*"|\\.|[^\s;&|<>()'"\\])+)""")
_QUOTES: Final = frozenset({"'", "$'", '"', "`"})
_NAMES: Final = {"'": "single quote", "$'": "single quote", '"': "double quote", "`": "backquote"}


class HereDocument(NamedTuple):
    """One that has been announced."""

    delimiter: str
    strips_tabs: bool
    """Whether it was written ``<<-``, so that tabs may stand before its last line."""

    def ends_at(self, line: str) -> bool:
        """Whether this line is its last."""
        return (line.lstrip("\t") if self.strips_tabs else line) == self.delimiter


class ShellLexer:
    """Reads a script line by line."""

    def __init__(self) -> None:
        """Begin at the first line."""
        self._open: list[str] = []
        """What was opened and is not closed, innermost last: a quote, ``(``, ``{`` for ``${``, or ``((``."""
        self._documents: list[HereDocument] = []
        """Announced, and not ended yet; the first is the one whose lines come now."""

    @property
    def literal(self) -> str:
        """What the next line belongs to, such as ``here-document EOF``; empty when it is code."""
        if self._documents and not self._quoted:
            return f"here-document {self._documents[0].delimiter}"
        quotes = [each for each in self._open if each in _QUOTES]
        return _NAMES[quotes[-1]] if quotes else ""

    @property
    def _quoted(self) -> bool:
        """Whether the next line goes on inside quotes, which a here-document waits for."""
        return self._open[-1:] in (["'"], ["$'"], ['"'])

    def feed(self, line: str) -> None:
        """Take the next line, without its line end."""
        if self._documents and not self._quoted:
            if self._documents[0].ends_at(line):
                self._documents.pop(0)
            return
        at = 0
        while at < len(line):
            at = self._step(line, at)

    def _step(self, line: str, at: int) -> int:
        """Take one token; give where the next begins."""
        top = self._open[-1] if self._open else ""
        if top == "'":
            return self._to_quote(line, at)
        if line[at] == "\\":
            return at + 2
        if top == "$'":
            return self._close(at, 1) if line[at] == "'" else at + 1
        if top == '"':
            return self._in_double(line, at)
        return self._in_code(line, at, top)

    def _to_quote(self, line: str, at: int) -> int:
        end = line.find("'", at)
        return len(line) if end < 0 else self._close(end, 1)

    def _in_double(self, line: str, at: int) -> int:
        if line[at] == '"':
            return self._close(at, 1)
        return self._expansion(line, at) or at + 1

    def _in_code(self, line: str, at: int, top: str) -> int:
        char = line[at]
        if char == "#" and top in {"", "(", "`"} and (at == 0 or line[at - 1] in " \t;&|()`"):
            return len(line)
        for mark in ("$'", "'", '"'):
            if line.startswith(mark, at):
                return self._push(mark, at + len(mark))
        if expanded := self._expansion(line, at):
            return expanded
        if line.startswith("<<", at) and top != "((":
            return self._announced(line, at)
        return self._bracket(line, at, top)

    def _expansion(self, line: str, at: int) -> int:
        """Open or close what may stand in double quotes too; 0 when this is none of it."""
        if line.startswith("$((", at):
            return self._push("((", at + 3)
        if line.startswith("$(", at):
            return self._push("(", at + 2)
        if line.startswith("${", at):
            return self._push("{", at + 2)
        if line[at] == "`":
            return self._close(at, 1) if "`" in self._open[-1:] else self._push_backquote(at)
        return 0

    def _push_backquote(self, at: int) -> int:
        """Open one, or close one within which something else was left open."""
        if "`" in self._open:
            del self._open[self._open.index("`") :]
            return at + 1
        return self._push("`", at + 1)

    def _bracket(self, line: str, at: int, top: str) -> int:
        if line.startswith("((", at):
            return self._push("((", at + 2)
        if line.startswith("))", at) and top == "((":
            return self._close(at, 2)
        if line[at] == "(":
            return self._push("(", at + 1)
        if (line[at], top) == (")", "(("):  # no arithmetic, but one subshell that begins with another
            self._open[-1] = "("
            return at + 1
        if (line[at], top) in {(")", "("), ("}", "{")}:
            return self._close(at, 1)
        return at + 1

    def _announced(self, line: str, at: int) -> int:
        if line.startswith("<<<", at):
            return at + 3
        found = _HERE.match(line, at)
        if found is None:
            return at + 2
        word = re.sub(r"""\\(.)|['"]""", lambda each: each[1] or "", found["word"])
        self._documents.append(HereDocument(word, bool(found["strip"])))
        return found.end()

    def _push(self, mark: str, after: int) -> int:
        self._open.append(mark)
        return after

    def _close(self, at: int, length: int) -> int:
        self._open.pop()
        return at + length


def unfinished(script: str) -> str:
    """What a script leaves open at its end, such as ``here-document EOF`` or ``double quote``; empty when nothing."""
    lexer = ShellLexer()
    for line in script.split("\n"):
        lexer.feed(line)
    return lexer.literal
