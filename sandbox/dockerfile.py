"""Read a Dockerfile: instructions with their lines, flags, words and here-documents.

No meaning is given to them here. ``sandbox/recipe.py`` says which ones the local backend can honour.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from sandbox.errors import TaskInvalid

FILE: Final = "environment/Dockerfile"
_DIRECTIVE: Final = re.compile(r"#\s*(\w+)\s*=\s*(\S.*?)\s*")
_INSTRUCTION: Final = re.compile(r"\s*([A-Za-z]+)(?:\s+(.*))?", re.DOTALL)
_FLAG: Final = re.compile(r"--([a-z-]+)(?:=(\S*))?(?:\s+|$)")
_HEREDOC: Final = re.compile(r"(?<!\S)\d*<<(-?)(['\"]?)([A-Za-z_][A-Za-z0-9_.-]*)\2(?!\S)")
"""A word of its own, as BuildKit has it: neither ``<<<`` nor a shift is one."""
_VARIABLE: Final = re.compile(
    r"\\(\$)|\$(?:(\w+)|\{(\w+)(?::([-+])((?:[^{}]|\{[^{}]*\})*))?\})",
)
_KNOWN: Final = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)


class Heredoc(Struct, frozen=True):
    """A file written inside the Dockerfile."""

    name: str
    body: str
    expand: bool
    """Whether variables in it are replaced: not when its name is quoted."""


class Instruction(Struct, frozen=True):
    """One instruction."""

    line: int
    """Where it begins, from 1."""
    word: str
    """Upper case: ``RUN``."""
    flags: Mapping[str, str]
    """``--chmod=755`` as written; the value is empty for a flag without one."""
    value: str
    """The rest, lines joined."""
    heredocs: tuple[Heredoc, ...] = ()

    @property
    def exec_form(self) -> tuple[str, ...] | None:
        """Words of the JSON form; None when it is not written that way."""
        if not self.value.lstrip().startswith("["):
            return None
        try:
            words = json.loads(self.value)
        except ValueError:
            return None
        return tuple(words) if all(isinstance(word, str) for word in words) else None


class Dockerfile(Struct, frozen=True):
    """All instructions in order."""

    instructions: tuple[Instruction, ...]

    @property
    def bases(self) -> tuple[str, ...]:
        """What each stage is built from, as written."""
        return tuple(each.value.split()[0] for each in self.instructions if each.word == "FROM" and each.value)


def parse_dockerfile(task: str, text: str) -> Dockerfile:
    """Read it.

    Raises:
        TaskInvalid: An instruction is unknown, a here-document does not end, or there is no ``FROM``.
    """
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    instructions = tuple(_Reader(task, text).instructions())
    if not any(each.word == "FROM" for each in instructions):
        raise TaskInvalid(task, FILE, "has no FROM", remedy="begin it with the base image: FROM debian:bookworm")
    return Dockerfile(instructions=instructions)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace ``$NAME``, ``${NAME}``, ``${NAME:-default}`` and ``${NAME:+other}`` as Docker does."""

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        found = variables.get(match[2] or match[3], "")
        if match[4] == "-":
            return found or expand(match[5], variables)
        if match[4] == "+":
            return expand(match[5], variables) if found else ""
        return found

    return _VARIABLE.sub(value, text)


class _Reader:
    """Goes through the lines once."""

    def __init__(self, task: str, text: str) -> None:
        self._task = task
        self._lines = text.split("\n")
        self._escape = self._read_escape()
        self._at = 0

    def instructions(self) -> Iterator[Instruction]:
        """Each in turn."""
        while self._at < len(self._lines):
            start = self._at + 1
            text = self._logical_line()
            if text.strip():
                yield self._instruction(start, text)

    def _read_escape(self) -> str:
        """The ``# escape=`` directive, which is one only before anything else."""
        for line in self._lines:
            match = _DIRECTIVE.fullmatch(line.strip())
            if match is None:
                break
            if match[1].lower() == "escape":
                return match[2]
        return "\\"

    def _logical_line(self) -> str:
        """Join continued lines; comments and empty lines between them are left out."""
        parts: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if line.lstrip().startswith("#") or (parts and not line.strip()):
                if not parts:
                    return ""
                continue
            stripped = line.rstrip()
            if not stripped.endswith(self._escape):
                parts.append(line)
                break
            parts.append(stripped[: -len(self._escape)])
        return "".join(parts)

    def _instruction(self, line: int, text: str) -> Instruction:
        match = _INSTRUCTION.fullmatch(text)
        if match is None or match[1].upper() not in _KNOWN:
            word = text.split(maxsplit=1)[0]
            raise TaskInvalid(
                self._task,
                FILE,
                f"line {line}: {word!r} is no instruction",
                key=f"line {line}",
                remedy="mend the line; a continued line needs a backslash at its very end",
            )
        word, rest = match[1].upper(), (match[2] or "").strip()
        flags: dict[str, str] = {}
        while word in {"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"} and (flag := _FLAG.match(rest)):
            flags[flag[1]] = flag[2] or ""
            rest = rest[flag.end() :]
        heredocs = tuple(self._heredocs(line, rest)) if word in {"ADD", "COPY", "RUN"} else ()
        return Instruction(line=line, word=word, flags=flags, value=rest, heredocs=heredocs)

    def _heredocs(self, line: int, rest: str) -> Iterator[Heredoc]:
        for match in _HEREDOC.finditer(rest):
            strip_tabs, quote, name = match[1] == "-", match[2], match[3]
            body: list[str] = []
            while True:
                if self._at >= len(self._lines):
                    raise TaskInvalid(
                        self._task,
                        FILE,
                        f"line {line}: the here-document {name} does not end",
                        key=f"line {line}",
                        remedy=f"write {name} on a line of its own after the text",
                    )
                text = self._lines[self._at].lstrip("\t") if strip_tabs else self._lines[self._at]
                self._at += 1
                if text == name:
                    break
                body.append(text + "\n")
            yield Heredoc(name=name, body="".join(body), expand=not quote)
