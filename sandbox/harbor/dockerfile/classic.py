"""A Dockerfile in words that the classic builder knows; pure but for looking at the context's files.

Here-documents and a few flags need BuildKit with a frontend of 1.4 or later, which many engines do not have and cannot
fetch. Each has an equivalent: a script becomes an argument, a file becomes a file of the context, a cache that only
makes things faster is left out. What has none is refused by name.
"""

import json
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct

from sandbox.archive import Placed
from sandbox.harbor.build_context import BuildContext, is_pattern
from sandbox.harbor.dockerfile.parser import Dockerfile, Instruction
from sandbox.harbor.dockerfile.sources import assigned, is_remote, sources_and_target
from sandbox.harbor.dockerfile.words import expand, mark_of, unknown_in, unquoted
from sandbox.harbor.ignore_file import IgnoreRules, clean

STAGE: Final = ".stillroom"
"""Folder of the context that holds what stood inside the Dockerfile."""
_SHELL: Final = ("/bin/sh", "-c")
_NEEDLESS: Final = frozenset({"link", "network", "start-interval"})
"""Flags that change how a step is built or when it is first checked, and not what comes of it."""
_KNOWN_FLAGS: Final = frozenset({"chown", "from", "platform", "interval", "timeout", "start-period", "retries"})
_GIT: Final = re.compile(r"(?:git|ssh)://|git@|https?://\S+\.git(?:#\S*)?$")
_STAGED: Final = frozenset({"chmod", "exclude", "parents"})
"""Flags that are honoured by giving files a second place in the context."""
_OCTAL: Final = re.compile(r"[0-7]{1,4}")

Flags = Mapping[str, tuple[str, ...]]


class ContextFile(Struct, frozen=True):
    """A file that goes into the context."""

    path: str
    data: bytes
    mode: int


class Classic(Struct, frozen=True):
    """What the classic builder is given."""

    text: str | None
    """None: the Dockerfile as it stands will do."""
    written: tuple[ContextFile, ...] = ()
    placed: tuple[Placed, ...] = ()
    """Files of the context once more, with other modes, or without those that are left out."""
    refused: tuple[str, ...] = ()
    """Instructions without an equivalent, by line; then nothing else here is worth anything."""


def classic(dockerfile: Dockerfile, context: BuildContext) -> Classic:
    """Rewrite what needs BuildKit."""
    writer = _Writer(context)
    if not any(writer.needs_buildkit(each) for each in dockerfile.instructions):
        return Classic(text=None)
    lines = [line for each in dockerfile.instructions for line in writer.lines(each)]
    return Classic("\n".join([*lines, ""]), tuple(writer.written), tuple(writer.placed), tuple(writer.refused))


class _Writer:
    """Goes through the instructions once."""

    def __init__(self, context: BuildContext) -> None:
        self.written: list[ContextFile] = []
        self.placed: list[Placed] = []
        self.refused: list[str] = []
        self._context = context
        self._shell: tuple[str, ...] = _SHELL
        self._variables: dict[str, str] = {}

    def needs_buildkit(self, each: Instruction) -> bool:
        """Say whether the classic builder would read an instruction otherwise, or not at all."""
        if each.heredocs or set(each.flags) - _KNOWN_FLAGS:
            return True
        if each.word not in {"COPY", "ADD"} or "from" in each.flags:
            return False
        sources, _ = sources_and_target(each)
        return any(self._reads_otherwise(each, source) for source in sources)

    def _reads_otherwise(self, each: Instruction, source: str) -> bool:
        path = self._path(each, source)
        if path is None or is_remote(source):
            return _GIT.match(source) is not None
        return ".." in path.split("/") or (is_pattern(path) and not self._context.found(path))

    def lines(self, each: Instruction) -> Iterator[str]:
        """Give the lines that stand for an instruction."""
        self._note(each)
        flags = {name: values for name, values in each.flags.items() if name not in _NEEDLESS}
        if each.word == "RUN":
            yield from self._run(each, flags)
        elif each.word in {"COPY", "ADD"}:
            yield from self._copy(each, flags)
        elif each.word == "ONBUILD":
            yield from (f"ONBUILD {line}" for line in self.lines(each.trigger))
        else:
            yield _line(each.word, flags, each.value)

    def _note(self, each: Instruction) -> None:
        """Remember what later instructions are read under."""
        if each.word == "SHELL":
            self._shell = each.exec_form or _SHELL
        elif each.word == "FROM":
            self._shell = _SHELL
        elif each.word in {"ENV", "ARG"}:
            values = {name: value for name, value in assigned(each) if value is not None}
            self._variables |= {name: expand(value, self._variables) for name, value in values.items()}

    def _run(self, each: Instruction, flags: Flags) -> Iterator[str]:
        for mount in flags.get("mount", ()):
            if not {"type=cache", "type=tmpfs"} & set(mount.split(",")):
                self._add(each, f"RUN --mount={mount}")
        self._refuse(each, {name: values for name, values in flags.items() if name != "mount"})
        if not each.heredocs:
            yield _line("RUN", {}, each.value)
            return
        yield f"RUN {json.dumps([*self._shell, _script(each)])}"

    def _copy(self, each: Instruction, flags: Flags) -> Iterator[str]:
        kept = {name: values for name, values in flags.items() if name not in _STAGED}
        self._refuse(each, kept)
        sources, target = sources_and_target(each)
        mode = self._mode(each)
        bodies = {heredoc.name: heredoc for heredoc in each.heredocs}
        for heredoc in (bodies[mark.name] for word in sources if (mark := mark_of(word)) and mark.name in bodies):
            path = f"{STAGE}/{each.line}/{heredoc.name}"
            body = expand(heredoc.body, self._variables) if heredoc.expand else heredoc.body
            self.written.append(ContextFile(path, body.encode(), 0o644 if mode is None else mode))
            yield _line(each.word, kept, json.dumps([path, target]))
        plain = [word for word in sources if mark_of(word) is None]
        staged = sorted(_STAGED & set(flags))
        if plain and staged and ("from" in flags or any(map(is_remote, plain))):
            self._add(each, f"{each.word} {'--from' if 'from' in flags else 'of a URL'} with --{staged[0]}")
        elif plain and "from" not in flags:
            plain = [found for number, word in enumerate(plain) for found in self._source(each, word, number, mode)]
            target = f"{target.rstrip('/')}/" if "parents" in flags else target
        if plain:
            yield _line(each.word, kept, json.dumps([*plain, target]))

    def _source(self, each: Instruction, word: str, number: int, mode: int | None) -> Iterator[str]:
        """Give a source as the classic builder finds it: nothing for a pattern that matches nothing, as in BuildKit."""
        path = self._path(each, word)
        staged = bool(_STAGED & set(each.flags))
        if _GIT.match(word):
            self._add(each, f"ADD of a git repository ({word})")
        elif path is None or is_remote(word):
            yield word
            if staged:
                self._add(each, f"{each.word} --{min(_STAGED & set(each.flags))} of {word}")
        elif is_pattern(path) and not self._context.found(path):
            return
        elif staged:
            apart = f"/{number}" if "parents" in each.flags else ""
            yield from self._restaged(each, path, f"{STAGE}/{each.line}{apart}", mode)
        else:
            yield clean(path) if ".." in path.split("/") else path

    def _path(self, each: Instruction, word: str) -> str | None:
        """Give the path that a word stands for. None: it depends on a variable that only the base image knows."""
        if unknown_in(word, self._variables):
            return None
        path = expand(word, self._variables)
        return path if each.exec_form else unquoted(path)

    def _restaged(self, each: Instruction, source: str, base: str, mode: int | None) -> Iterator[str]:
        """Give files of the context a second place, where they have another mode, or stand without what is left out."""
        parents = "parents" in each.flags
        pivot, sign, _ = source.partition("/./")
        start = f"{clean(pivot)}/" if parents and sign and clean(pivot) != "." else ""
        found = self._context.found(source.replace("/./", "/"))
        if not found:
            self._add(each, f"{each.word} --{min(_STAGED & set(each.flags))} of {source}, which is not there")
        for path in found:
            for name in self._kept(each, path):
                self.placed.append(Placed(self._context.folder / name, f"{base}/{name.removeprefix(start)}", mode))
            if not parents:
                yield posixpath.normpath(f"{base}/{path}")
        if parents and found:
            yield base

    def _kept(self, each: Instruction, path: str) -> Iterator[str]:
        """Name what is copied of a file or folder of the context, but for what ``--exclude`` leaves out."""
        left_out = IgnoreRules(each.flags.get("exclude", ()))
        below = self._context.below(path)
        for name in below or (path,):
            told = name if path == "." else name.removeprefix(f"{path}/" if below else f"{PurePosixPath(path).parent}/")
            if not left_out.ignores(told):
                yield name

    def _mode(self, each: Instruction) -> int | None:
        told = each.flag("chmod")
        if told is None:
            return None
        text = expand(told, self._variables)
        if _OCTAL.fullmatch(text):
            return int(text, 8)
        self._add(each, f"{each.word} --chmod={told}")
        return None

    def _refuse(self, each: Instruction, flags: Flags) -> None:
        for name in sorted(set(flags) - _KNOWN_FLAGS):
            self._add(each, f"{each.word} --{name}")

    def _add(self, each: Instruction, what: str) -> None:
        self.refused.append(f"Dockerfile line {each.line}: {what}")


def _script(each: Instruction) -> str:
    """Write a RUN with here-documents as one script for the shell."""
    alone = mark_of(each.value.strip())
    if alone is None:
        return "\n".join([each.value, *[f"{doc.body}{doc.name}" for doc in each.heredocs], ""])
    body = each.heredocs[0].body
    if not body.startswith("#!"):
        return body
    # A script with an interpreter of its own is run as a file.
    kept = shlex.quote(body)
    return f'f=$(mktemp) && printf %s {kept} >"$f" && chmod 700 "$f" && "$f"; code=$?; rm -f "$f"; exit $code'


def _line(word: str, flags: Flags, value: str) -> str:
    told = [f"--{name}={text}" if text else f"--{name}" for name, values in flags.items() for text in values]
    return " ".join([word, *told, value])
