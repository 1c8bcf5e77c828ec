"""Read a Dockerfile as BuildKit does: instructions with their lines, flags, words and here-documents.

No meaning is given to them here. ``sandbox/local/build_steps.py`` says which ones the local backend can honour,
``sandbox/harbor/dockerfile/classic.py`` how an engine without BuildKit is told of them.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from msgspec import Struct

from sandbox.errors import TaskInvalid
from sandbox.harbor.dockerfile.words import HeredocMarker, flags_and_rest, marks_in

FILE: Final = "environment/Dockerfile"
_DIRECTIVE: Final = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(\S.*?)\s*")
_DIRECTIVES: Final = frozenset({"check", "escape", "syntax"})
_INSTRUCTION: Final = re.compile(r"([^\t\v\f\r ]+)(?:[\t\v\f\r ]+(.*))?", re.DOTALL)
_CONTINUED: Final = {"\\": re.compile(r"(?<!\\)\\[ \t]*$"), "`": re.compile(r"(?<!`)`[ \t]*$")}
"""By escape character; an escaped one at the end of a line does not continue it."""
_SHIFT_LIKE: Final = re.compile(r"\w+")
_WITH_FLAGS: Final = frozenset({"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"})
_WITH_HEREDOCS: Final = frozenset({"ADD", "COPY", "RUN"})
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
    """Its lines as they stand, Windows line ends included; without leading tabs where ``<<-`` asks for that."""
    expand: bool
    """Whether variables in it are replaced: not when its name is quoted."""


class Instruction(Struct, frozen=True):
    """One instruction."""

    line: int
    """Where it begins, from 1."""
    word: str
    """Upper case: ``RUN``."""
    flags: Mapping[str, tuple[str, ...]]
    """``--chmod=755`` as written, by name; several values where a flag is repeated, an empty one where it has none."""
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

    def flag(self, name: str) -> str | None:
        """Give the value of a flag, the last one where it is repeated. None: it is not given."""
        return self.flags[name][-1] if name in self.flags else None

    @property
    def trigger(self) -> "Instruction":
        """What an ``ONBUILD`` has done in images built from this one."""
        return _instruction(self.line, self.value, self.heredocs)


class Dockerfile(Struct, frozen=True):
    """All instructions in order."""

    instructions: tuple[Instruction, ...]
    text: str | None = None
    """What is built, where instructions were taken out. None: the file as it stands."""

    def without(self, text: str, lines: Collection[int]) -> "Dockerfile":
        """Give it without the instructions that begin in some lines.

        Args:
            text: Of the file.
            lines: From 1.
        """
        starts = [each.line for each in self.instructions]
        ends = dict(zip(starts, [*starts[1:], None], strict=True))
        kept = text.split("\n")
        for start in sorted(lines, reverse=True):
            end = ends[start]
            del kept[start - 1 : None if end is None else end - 1]
        left = tuple(each for each in self.instructions if each.line not in lines)
        return Dockerfile(left, "\n".join([*kept, ""] if kept[-1:] != [""] else kept))

    @property
    def bases(self) -> tuple[str, ...]:
        """What each stage is built from, as written."""
        return tuple(each.value.split()[0] for each in self.instructions if each.word == "FROM" and each.value)


def parse_dockerfile(task: str, text: str, *, file: str = FILE) -> Dockerfile:
    """Read it.

    Args:
        task: Whose, for errors.
        text: Of the file.
        file: Its path below the task's folder, for errors.

    Raises:
        TaskInvalid: An instruction is unknown, a here-document does not end, or none of ``FROM`` comes first.
    """
    instructions = tuple(_Reader(task, file, text.removeprefix("\ufeff")).instructions())
    first = next((each for each in instructions if each.word != "ARG"), None)
    if first is None or all(each.word != "FROM" for each in instructions):
        raise TaskInvalid(task, file, "has no FROM", remedy="begin it with the base image: FROM debian:bookworm")
    if first.word != "FROM":
        raise TaskInvalid(
            task, file, f"{first.word} stands before the first FROM", key=f"line {first.line}",
            remedy="begin it with the base image; only ARG may stand before it",
        )  # fmt: skip
    return Dockerfile(instructions=instructions)


def _instruction(line: int, text: str, heredocs: tuple[Heredoc, ...] = ()) -> Instruction:
    match = _INSTRUCTION.fullmatch(text)
    word, rest = (match[1].upper(), (match[2] or "").strip()) if match else ("", "")
    flags: dict[str, tuple[str, ...]] = {}
    if word in _WITH_FLAGS:
        given, rest = flags_and_rest(rest)
        for each in given:
            name, _, value = each.removeprefix("--").partition("=")
            flags[name] = (*flags.get(name, ()), value)
    return Instruction(line=line, word=word, flags=flags, value=rest, heredocs=heredocs)


class _Reader:
    """Goes through the lines once."""

    def __init__(self, task: str, file: str, text: str) -> None:
        self._task = task
        self._file = file
        self._lines = text.split("\n")
        self._at = 0
        self._suspect: tuple[int, str] | None = None
        """The last line with a ``<<`` that opens no here-document: what follows it is often meant to be one."""
        self._continued = _CONTINUED[self._read_escape()]

    def instructions(self) -> Iterator[Instruction]:
        """Give each in turn."""
        while self._at < len(self._lines):
            start = self._at + 1
            text = self._logical_line()
            if text.strip():
                yield self._read(start, text)

    def _fault(self, line: int, detail: str, remedy: str) -> TaskInvalid:
        return TaskInvalid(self._task, self._file, detail, key=f"line {line}", remedy=remedy)

    def _read_escape(self) -> str:
        """Read the ``# escape=`` directive, which is one only before anything else that is no directive."""
        for number, line in enumerate(self._lines, start=1):
            match = _DIRECTIVE.fullmatch(line.strip())
            if match is None or match[1].lower() not in _DIRECTIVES:
                break
            if match[1].lower() == "escape":
                if match[2] not in _CONTINUED:
                    raise self._fault(number, f"escape={match[2]}", "write ` or \\, the only ones there are")
                return match[2]
        return "\\"

    def _logical_line(self) -> str:
        """Join continued lines; comments and empty lines between them are left out."""
        parts: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at].rstrip("\r")
            self._at += 1
            if line.lstrip().startswith("#") or not line.strip():
                if not parts:
                    return ""
                continue
            shortened = self._continued.sub("", line if parts else line.lstrip())
            parts.append(shortened)
            if not self._continued.search(line):
                break
        return "".join(parts)

    def _read(self, line: int, text: str) -> Instruction:
        found = _instruction(line, text)
        if found.word not in _KNOWN:
            word = text.split(maxsplit=1)[0]
            remedy = "fix the line; a continued line needs a backslash at its very end"
            if self._suspect is not None:
                remedy = "line {} opens no here-document that BuildKit reads: {}".format(*self._suspect)
            raise self._fault(line, f"{word!r} is not an instruction", remedy)
        told = found.trigger if found.word == "ONBUILD" else found
        if told.word not in _WITH_HEREDOCS or told.exec_form is not None or "<<" not in text:
            self._suspect = (line, f"{told.word} takes none") if "<<" in text else None
            return found
        found = _instruction(line, text, tuple(self._heredocs(line, text)))
        self._suspect = (
            None if found.heredocs else (line, "write <<NAME as a word of its own, with no space behind <<-")
        )
        return found

    def _heredocs(self, line: int, text: str) -> Iterator[Heredoc]:
        for mark in marks_in(text):
            body = self._body(mark)
            if body is None and mark.spaced and not _SHIFT_LIKE.fullmatch(mark.name):
                continue  # BuildKit before 0.22 takes ``1 << (2)`` for what it is
            if body is None:
                what = f"the here-document {mark.name} does not end"
                raise self._fault(line, what, f"write {mark.name} on a line of its own after the text")
            yield Heredoc(name=mark.name, body=body, expand=mark.expand)

    def _body(self, mark: HeredocMarker) -> str | None:
        """Read up to its end. None: there is no end, and nothing was read."""
        body: list[str] = []
        for number in range(self._at, len(self._lines)):
            text = self._lines[number].lstrip("\t") if mark.tabs_go else self._lines[number]
            if text.rstrip("\r") == mark.name:
                self._at = number + 1
                return "".join(body)
            body.append(text + "\n")
        return None
