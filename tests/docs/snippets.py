"""The code that the docs show: every fenced block of the README and of docs/, with where it stands."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from typing_extensions import override

from tests.architecture.source import ROOT

GENERATED: Final = frozenset({"docs/cli.md", "docs/config.md", "docs/events.md"})
"""Pages that are written from the code itself, which another test compares."""

_FENCE: Final = re.compile(
    r"^(?P<indent> *)```(?P<language>\S*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)

_OWN: Final = re.compile(r"\b[a-z0-9]{10}\b(?=[: ]|$)|\b[0-9a-f]{12,64}\b|\b\d+[.,]?\d* (?:ms|s|KiB|MiB)\b")
"""What is another in every run: ids of runs, digests, times and sizes."""


class Snippet(NamedTuple):
    """A fenced block."""

    page: str
    """Its file, from the root of the repository."""
    line: int
    """Of its fence, from 1."""
    language: str
    """What stands behind the fence; empty: nothing."""
    text: str

    @override
    def __str__(self) -> str:
        """Give it as an editor takes it."""
        return f"{self.page}:{self.line}"


class TypedCommand(NamedTuple):
    """A line that somebody types, and the lines that the page shows of what it prints."""

    words: tuple[str, ...]
    """Without ``stillroom``."""
    shown: tuple[str, ...] = ()
    into: str | None = None
    """The file that its output goes to. None: the terminal."""


def pages() -> list[str]:
    """List the pages that people wrote."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
    names = [path.relative_to(ROOT).as_posix() for path in found]
    return [name for name in names if name not in GENERATED]


def snippets(page: str) -> list[Snippet]:
    """Read the fenced blocks of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Snippet(page, text.count("\n", 0, match.start()) + 1, match["language"], match["text"])
        for match in _FENCE.finditer(text)
    ]


def typed(snippet: Snippet) -> Iterator[TypedCommand]:
    """Give the commands of a block that are ours.

    In a ``console`` block a command follows ``$ `` and its output stands below; in a ``sh`` block each line is a
    command. Comments, what a line does before ``stillroom``, and what it is piped into fall away.
    """
    if snippet.language == "console":
        for command, shown in console(snippet):
            yield from (each._replace(shown=shown) for each in _commands(command))
    elif snippet.language in {"sh", "usage"}:
        text = re.sub(r"[\[\]…]|\.\.\.", " ", snippet.text) if snippet.language == "usage" else snippet.text
        for line in text.replace("\\\n", " ").splitlines():
            yield from _commands(line)


def console(snippet: Snippet) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give what is typed in a ``console`` block, line by line, each with the lines that are shown of what it prints."""
    for part in re.split(r"^\$ ", snippet.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, tuple(line.strip() for line in output.splitlines() if line.strip() not in {"", "…", "⋮"})


def queries(snippet: Snippet) -> list[str]:
    """Give the SQL that a block asks of the log with ``sqlite3``, or holds."""
    if snippet.language == "sql":
        return [snippet.text]
    return [match["sql"] for match in re.finditer(r'^\$ sqlite3 \S+ "(?P<sql>[^"]+)"', snippet.text, re.MULTILINE)]


def unprinted(shown: Iterable[str], output: str, form: Callable[[str], str]) -> str | None:
    """Find the first line that a page shows and a command does not print, as the beginning of a line, in that order.

    Args:
        shown: Lines of the page; … at an end stands for more.
        output: What was printed.
        form: What is compared of a line.

    Returns:
        The line, or None where all are printed.
    """
    printed = iter([form(line) for line in output.splitlines()])
    return next((line for line in shown if not any(each.startswith(form(line.rstrip("…"))) for each in printed)), None)


def spaced(line: str) -> str:
    """Give a line with one blank where there are several."""
    return " ".join(line.split())


def plain(line: str) -> str:
    """Give a line of output without what is another in every run, so that two can be compared."""
    return _OWN.sub("#", spaced(line))


def _commands(line: str) -> Iterator[TypedCommand]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for token in [*lexer, ";"]:
        if not set(token) <= set("&|;"):
            words.append(token)
            continue
        names = [at for at, word in enumerate(words) if Path(word).name == "stillroom"]
        if names and not words[0].startswith(("pip", "git", "uv", "pipx")):
            ours = words[names[0] + 1 :]
            end = next((at for at, word in enumerate(ours) if word in {">", ">>"}), len(ours))
            yield TypedCommand(tuple(ours[:end]), into="".join(ours[end + 1 :]) or None)
        words = []
