"""A Dockerfile in words that the classic builder knows; pure but for looking at the context's files.

Here-documents and a few flags need BuildKit with a frontend of 1.4 or later, which many engines do not have and cannot
fetch. Each has an equivalent: a script becomes an argument, a file becomes a file of the context, a cache that only
makes things faster is left out. What has none is refused by name.
"""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from sandbox.archive import Placed
from sandbox.dockerfile import Dockerfile, Instruction, expand

STAGE: Final = ".stillroom"
"""Folder of the context that holds what stood inside the Dockerfile."""
_SHELL: Final = ("/bin/sh", "-c")
_NEEDLESS: Final = frozenset({"link", "network"})
"""Flags that change how a step is built, and not what comes of it."""
_KNOWN_FLAGS: Final = frozenset(
    {"chown", "from", "platform", "interval", "timeout", "start-period", "retries", "keep-git-dir"}
)


class Written(Struct, frozen=True):
    """A file that goes into the context."""

    path: str
    data: bytes
    mode: int


class Classic(Struct, frozen=True):
    """What the classic builder is given."""

    text: str | None
    """None: the Dockerfile as it stands will do."""
    written: tuple[Written, ...] = ()
    placed: tuple[Placed, ...] = ()
    """Files of the context once more, with other modes."""
    refused: tuple[str, ...] = ()
    """Instructions without an equivalent, by line; then nothing else here is worth anything."""


def classic(dockerfile: Dockerfile, context: Path) -> Classic:
    """Rewrite what needs BuildKit."""
    if not any(_needs_buildkit(each) for each in dockerfile.instructions):
        return Classic(text=None)
    writer = _Writer(context)
    lines = [line for each in dockerfile.instructions for line in writer.lines(each)]
    return Classic("\n".join([*lines, ""]), tuple(writer.written), tuple(writer.placed), tuple(writer.refused))


def _needs_buildkit(each: Instruction) -> bool:
    return bool(each.heredocs) or bool(set(each.flags) - _KNOWN_FLAGS)


class _Writer:
    """Goes through the instructions once."""

    def __init__(self, context: Path) -> None:
        self.written: list[Written] = []
        self.placed: list[Placed] = []
        self.refused: list[str] = []
        self._context = context
        self._shell: tuple[str, ...] = _SHELL
        self._variables: dict[str, str] = {}

    def lines(self, each: Instruction) -> Iterator[str]:
        """Give the lines that stand for an instruction."""
        self._note(each)
        flags = {name: value for name, value in each.flags.items() if name not in _NEEDLESS}
        if each.word == "RUN":
            yield from self._run(each, flags)
        elif each.word in {"COPY", "ADD"}:
            yield from self._copy(each, flags)
        else:
            yield _line(each.word, flags, each.value)

    def _note(self, each: Instruction) -> None:
        """Remember what later instructions are read under."""
        if each.word == "SHELL":
            self._shell = each.exec_form or _SHELL
        elif each.word == "FROM":
            self._shell = _SHELL
        elif each.word in {"ENV", "ARG"}:
            self._variables |= _assigned(expand(each.value, self._variables))

    def _run(self, each: Instruction, flags: dict[str, str]) -> Iterator[str]:
        mount = flags.pop("mount", None)
        if mount is not None and "type=cache" not in mount and "type=tmpfs" not in mount:
            self.refused.append(f"Dockerfile line {each.line}: RUN --mount={mount}")
        self._refuse(each, flags)
        if not each.heredocs:
            yield _line("RUN", {}, each.value)
            return
        script = _script(each)
        yield f"RUN {json.dumps([*self._shell, script])}"

    def _copy(self, each: Instruction, flags: dict[str, str]) -> Iterator[str]:
        mode = flags.pop("chmod", None)
        self._refuse(each, flags)
        words = list(each.exec_form or each.value.split())
        *sources, target = words
        plain = [word for word in sources if not word.startswith("<<")]
        for heredoc in each.heredocs:
            path = f"{STAGE}/{each.line}/{heredoc.name}"
            body = expand(heredoc.body, self._variables) if heredoc.expand else heredoc.body
            self.written.append(Written(path, body.encode(), _mode(mode, 0o644)))
            yield _line(each.word, flags, json.dumps([path, target]))
        if plain and mode is not None and "from" not in flags:
            plain = [self._restaged(each, source, _mode(mode, 0o644)) for source in plain]
        elif plain and mode is not None:
            self.refused.append(f"Dockerfile line {each.line}: {each.word} --from with --chmod")
        if plain:
            yield _line(each.word, flags, json.dumps([*plain, target]))

    def _restaged(self, each: Instruction, source: str, mode: int) -> str:
        """Give files of the context a second place, where they have another mode."""
        found = self._context / source.strip("/")
        base = f"{STAGE}/{each.line}/{source.strip('/')}"
        if any(sign in source for sign in "*?[") or not found.exists():
            self.refused.append(f"Dockerfile line {each.line}: {each.word} --chmod of {source}")
        elif found.is_dir():
            self.placed += [
                Placed(path, f"{base}/{path.relative_to(found).as_posix()}", mode) for path in sorted(found.rglob("*"))
            ]
        else:
            self.placed.append(Placed(found, base, mode))
        return base

    def _refuse(self, each: Instruction, flags: dict[str, str]) -> None:
        for name in sorted(set(flags) - _KNOWN_FLAGS):
            self.refused.append(f"Dockerfile line {each.line}: {each.word} --{name}")


def _script(each: Instruction) -> str:
    """Write a RUN with here-documents as one script for the shell."""
    alone = each.value.strip().startswith("<<") and len(each.value.split()) == 1
    if not alone:
        return "\n".join([each.value, *[f"{doc.body}{doc.name}" for doc in each.heredocs], ""])
    body = each.heredocs[0].body
    if not body.startswith("#!"):
        return body
    # A script with an interpreter of its own is run as a file.
    kept = shlex.quote(body)
    return f'f=$(mktemp) && printf %s {kept} >"$f" && chmod 700 "$f" && "$f"; code=$?; rm -f "$f"; exit $code'


def _line(word: str, flags: dict[str, str], value: str) -> str:
    told = [f"--{name}={text}" if text else f"--{name}" for name, text in flags.items()]
    return " ".join([word, *told, value])


def _mode(told: str | None, usual: int) -> int:
    return usual if told is None or not told.isdecimal() else int(told, 8)


def _assigned(value: str) -> dict[str, str]:
    """Read ``A=1 B="2 3"``, and the old form ``A 1``; best effort, as only here-documents of COPY rest on it."""
    try:
        words = shlex.split(value)
    except ValueError:
        return {}
    if words and "=" not in words[0]:
        return {words[0]: " ".join(words[1:])} if len(words) > 1 else {}
    return dict(word.split("=", 1) for word in words if "=" in word)
