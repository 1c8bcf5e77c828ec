"""What the local backend makes of a Dockerfile: steps it takes, features it refuses, and notes.

Honoured: ``COPY`` and ``ADD`` of files from the context (``--chmod``, root as owner), ``WORKDIR``, ``ENV``,
``ARG``, ``VOLUME`` (as a folder), ``USER root``, ``SHELL`` with a Bourne shell, and ``RUN`` when each of its
commands is in ``RUN_WORDS``: commands every machine has and that need neither packages nor a network.
``FROM`` is a note: the programs are the host's. ``CMD``, ``EXPOSE``, ``LABEL``, ``MAINTAINER`` and
``STOPSIGNAL`` have no effect in Harbor either. Everything else is refused by name and line.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from msgspec import Struct

from sandbox.errors import TaskInvalid
from sandbox.harbor.build_context import BuildContext, is_pattern
from sandbox.harbor.dockerfile.parser import Dockerfile, Instruction
from sandbox.harbor.dockerfile.words import expand
from sandbox.local.isolation import programs_path

RUN_WORDS: Final = frozenset({
    ":", "[", "awk", "base64", "basename", "bash", "cat", "cd", "chmod", "chown", "cp", "cut", "date",
    "dirname", "echo", "env", "exit", "expr", "false", "find", "grep", "gunzip", "gzip", "head", "install", "ln", "ls",
    "mkdir", "mktemp", "mv", "printf", "pwd", "python3", "rm", "rmdir", "sed", "seq", "set", "sh",
    "sha256sum", "sort", "tac", "tail", "tar", "tee", "test", "touch", "tr", "true", "truncate", "uniq", "wc",
    "xargs", "yes",
})  # fmt: skip
PACKAGE_WORDS: Final = frozenset({
    "add-apt-repository", "apk", "apt", "apt-get", "bundle", "cargo", "conda", "corepack", "curl", "dnf",
    "dpkg", "gem", "git", "go", "mamba", "microdnf", "npm", "pip", "pip3", "pipx", "pnpm", "poetry", "uv",
    "uvx", "wget", "yarn", "yum", "zypper",
})  # fmt: skip
_NO_EFFECT: Final = frozenset({"CMD", "EXPOSE", "LABEL", "MAINTAINER", "STOPSIGNAL"})
_ARCHIVES: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_PACKAGE_MODULE: Final = re.compile(r"\bpython3?\s+-m\s+(?:pip|ensurepip|venv)\b")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_BETWEEN: Final = frozenset({"&&", "||", ";", "|", "&", ";;", "(", ")", "\n", "!", "{", "}"})


class MakeDir(Struct, frozen=True):
    """Make a folder."""

    path: str


class CopyIn(Struct, frozen=True):
    """Copy from the context."""

    sources: tuple[str, ...]
    """Relative to the context; folders stand for what is in them."""
    target: str
    """Absolute; a folder when it ends in ``/``."""
    mode: int | None
    """Permission bits; None keeps them."""


class RunLine(Struct, frozen=True):
    """Run a command."""

    line: int
    command: str
    workdir: str
    env: dict[str, str]


RecipeStep = MakeDir | CopyIn | RunLine


class BuildRecipe(Struct, frozen=True):
    """How the local backend builds an environment."""

    steps: tuple[RecipeStep, ...] = ()
    workdir: str = "/app"
    """The image's; ``/app`` where no Dockerfile says."""
    env: dict[str, str] = {}
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether commands of the task are run."""
        return any(isinstance(step, RunLine) for step in self.steps)


def recipe_of(dockerfile: Dockerfile | None, context: Path, hidden: Sequence[str] = ()) -> BuildRecipe:
    """Read the meaning of each instruction in turn.

    Args:
        dockerfile: Of the task. None: it has none.
        context: What the image is built from.
        hidden: Folders of the context that no build sees.
    """
    if dockerfile is None:
        return BuildRecipe()
    cook = _Cook(BuildContext(context, hidden=hidden))
    if len(dockerfile.bases) > 1:
        cook.refused.append("Dockerfile: more than one FROM (a build in stages)")
    if (context / ".dockerignore").is_file():
        cook.refused.append("environment/.dockerignore")
    for instruction in dockerfile.instructions:
        cook.take(instruction)
    return BuildRecipe(
        steps=tuple(cook.steps),
        workdir=cook.workdir,
        env=cook.env,
        refused=tuple(cook.refused),
        notes=tuple(cook.notes),
    )


class _Cook:
    """State of a build in progress."""

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        self._arguments: dict[str, str] = {"PATH": programs_path()}
        self.steps: list[RecipeStep] = []
        self.workdir = "/"
        self.env: dict[str, str] = {}
        self.refused: list[str] = []
        self.notes: list[str] = []
        self._words: dict[str, Callable[[Instruction], None]] = {
            "FROM": self._from,
            "WORKDIR": self._workdir,
            "ENV": self._env,
            "ARG": self._arg,
            "COPY": self._copy,
            "ADD": self._copy,
            "RUN": self._run,
            "USER": self._user,
            "VOLUME": self._volume,
            "SHELL": self._shell,
        }

    def take(self, instruction: Instruction) -> None:
        """One instruction more."""
        if instruction.word in _NO_EFFECT:
            return
        self._words.get(instruction.word, self._refuse)(instruction)

    def _refuse(self, instruction: Instruction, detail: str = "") -> None:
        text = detail or f"{instruction.word} {instruction.value.splitlines()[0] if instruction.value else ''}".strip()
        self.refused.append(f"Dockerfile line {instruction.line}: {text}")

    def _expand(self, text: str) -> str:
        return expand(text, {**self._arguments, **self.env})

    def _from(self, instruction: Instruction) -> None:
        base = instruction.value.split()[0] if instruction.value else "nothing"
        self.notes.append(f"Dockerfile line {instruction.line}: FROM {base} (programs are this machine's instead)")

    def _workdir(self, instruction: Instruction) -> None:
        self.workdir = self._absolute(self._expand(instruction.value))
        self.steps.append(MakeDir(self.workdir))

    def _absolute(self, path: str) -> str:
        parts: list[str] = []
        for part in PurePosixPath(self.workdir, path).parts[1:]:
            parts = parts[:-1] if part == ".." else [*parts, part]
        return "/" + "/".join(parts)

    def _env(self, instruction: Instruction) -> None:
        first = instruction.value.split(maxsplit=1)
        if first and "=" not in first[0]:
            self.env[first[0]] = self._expand(first[1] if len(first) > 1 else "")
            return
        values = dict(word.split("=", 1) for word in shlex.split(instruction.value) if "=" in word)
        self.env.update({key: self._expand(value) for key, value in values.items()})

    def _arg(self, instruction: Instruction) -> None:
        for word in shlex.split(instruction.value):
            name, _, default = word.partition("=")
            self._arguments[name] = self._expand(default)

    def _copy(self, instruction: Instruction) -> None:
        detail = _copy_refusal(instruction)
        words = instruction.exec_form or tuple(shlex.split(self._expand(instruction.value)))
        if detail or len(words) < 2:
            self._refuse(instruction, detail)
            return
        mode = instruction.flag("chmod")
        sources = tuple(each for word in words[:-1] for each in self._sources(instruction, word))
        if not sources:
            return
        folder = words[-1].endswith(("/", "/.")) or words[-1] == "." or len(sources) > 1
        target = self._absolute(words[-1])
        self.steps.append(CopyIn(sources, f"{target}/" if folder else target, int(mode, 8) if mode else None))

    def _sources(self, instruction: Instruction, word: str) -> Iterator[str]:
        """Names below the context that a word stands for."""
        found = self._context.found(word)
        if not found and not is_pattern(word):
            raise TaskInvalid(
                self._context.folder.parent.name,
                "environment/Dockerfile",
                f"{instruction.word} {word}: no such file in environment/",
                key=f"line {instruction.line}",
                remedy="add the file to environment/, which is all that a build can see",
            )
        yield from found

    def _run(self, instruction: Instruction) -> None:
        words = instruction.exec_form
        command = shlex.join(words) if words else instruction.value
        if instruction.heredocs:
            self._refuse(instruction, "RUN with a here-document")
            return
        refused = next(_refused_commands(command), None)
        if instruction.flags or refused is not None:
            self._refuse(instruction, f"RUN {refused or ' '.join(f'--{each}' for each in instruction.flags)}")
            return
        self.steps.append(RunLine(instruction.line, command, self.workdir, {**self._arguments, **self.env}))

    def _user(self, instruction: Instruction) -> None:
        if instruction.value.split(":")[0] not in {"root", "0"}:
            self._refuse(instruction)

    def _volume(self, instruction: Instruction) -> None:
        for path in instruction.exec_form or instruction.value.split():
            self.steps.append(MakeDir(self._absolute(path)))

    def _shell(self, instruction: Instruction) -> None:
        words = instruction.exec_form or ("",)
        if PurePosixPath(words[0]).name not in {"sh", "bash"}:
            self._refuse(instruction)


def _copy_refusal(instruction: Instruction) -> str:
    """Why a copy cannot be made; empty when it can."""
    name, flags, words = instruction.word, instruction.flags, instruction.value.split()
    other = sorted(set(flags) - {"chown", "chmod", "link"})
    owner, mode = instruction.flag("chown") or "root", instruction.flag("chmod") or "644"
    found = {
        f"{name} of a here-document": bool(instruction.heredocs),
        f"{name} --chown={owner}": owner.split(":")[0] not in {"root", "0"},
        f"{name} --{''.join(other[:1])}": bool(other),
        f"{name} --chmod={mode}": not re.fullmatch(r"[0-7]{3,4}", mode),
        "ADD of a URL": name == "ADD" and re.search(r"\w+://|git@", instruction.value) is not None,
        "ADD of an archive": name == "ADD" and any(word.endswith(_ARCHIVES) for word in words),
    }
    return next((detail for detail, holds in found.items() if holds), "")


def _refused_commands(command: str) -> Iterator[str]:
    """Commands of a RUN that cannot be honoured, by name."""
    if "`" in command or "$(" in command:
        yield "with a command substitution"
    if _PACKAGE_MODULE.search(command):
        yield "python3 -m pip (packages)"
    lexer = shlex.shlex(command, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.commenters = ""
    expected = True
    for word in lexer:
        if word in _BETWEEN:
            expected = True
        elif expected and not _ASSIGNMENT.fullmatch(word):
            expected = False
            if word in PACKAGE_WORDS:
                yield f"{word} (packages)"
            elif word not in RUN_WORDS:
                yield word
