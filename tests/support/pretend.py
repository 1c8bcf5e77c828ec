"""Sandboxes that only pretend: a dictionary of files and the three commands of our script, in microseconds.

For stories that are lived hundreds of times, where what a sandbox does matters less than when.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from anyio.lowlevel import checkpoint

from engine.core.prompts import load_prompts
from engine.runtime.context import RunContext
from events.store.base import EventLog
from sandbox.archive import FileEntry
from sandbox.base import ExecResult, Isolation, Reattachable, Sandbox, SandboxSpec
from sandbox.errors import PathRefused, SandboxLost, SandboxUnavailable
from sandbox.harbor.schema import NetworkMode
from sandbox.harbor.task import Task

_ECHO: Final = re.compile(r"echo (\w+) > (\S+)")
_TEE: Final = re.compile(r"cat (\S+) \| tee (\S+)")


class PretendSandbox:
    """One folder of files."""

    workdir = "/app"

    def __init__(self, spec: SandboxSpec, open_ids: set[str]) -> None:
        self.id = spec.id
        self._open = open_ids
        words = spec.task.path / "environment/words.txt"
        self._words = words.read_text() if words.exists() else ""
        self._files = {"words.txt": self._words}
        self.has_python = True
        self.breaks_after = 0
        """Commands until it is lost. 0: it holds."""
        self._verdict: tuple[FileEntry, ...] = ()

    async def exec(
        self,
        command: str,
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | int | None = None,
        timeout_s: float | None = None,
        max_output_bytes: int = 0,
    ) -> ExecResult:
        """Understand the commands of the script, and of the verification."""
        del env, user, timeout_s, max_output_bytes
        await checkpoint()
        self.breaks_after -= 1
        if self.breaks_after == 0:
            raise SandboxLost(self.id, "it was made to break")
        if command == "/tests/test.sh":
            return self._test()
        if cwd == "/":  # the verification clears its folders
            return _said("")
        if command.startswith("command -v "):
            return _said("") if self.has_python else ExecResult(127, b"", b"", "exited", 0, 0)
        if command.startswith("cat > program.py"):  # a program, which does nothing
            return _said("")
        if echo := _ECHO.fullmatch(command):
            self._files[echo[2]] = echo[1] + "\n"
            return _said("")
        if tee := _TEE.fullmatch(command):
            self._files[tee[2]] = self._files[tee[1]]
            return _said(self._files[tee[1]])
        raise PathRefused(command, "nothing here pretends to be this command")

    async def put_dir(self, source: Path, path: str) -> None:
        """Know that the tests are there."""
        await checkpoint()

    async def read_tree(self, path: str, *, max_bytes: int = 0) -> tuple[FileEntry, ...]:
        """Give the verdict."""
        await checkpoint()
        return self._verdict

    async def write_file(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Keep a file."""
        self._files[path.removeprefix(f"{self.workdir}/")] = data.decode()

    async def read_file(self, path: str, *, max_bytes: int = 0) -> bytes:
        """Give a file."""
        name = path.removeprefix(f"{self.workdir}/")
        if name not in self._files:
            raise PathRefused(path, "it does not exist")
        return self._files[name].encode()

    async def set_network(self, mode: NetworkMode) -> None:
        """See ``Sandbox``; there is no network."""

    async def disk_bytes(self) -> int:
        """Nothing is written."""
        return 0

    async def halt(self) -> None:
        """Nothing goes on here."""
        await checkpoint()

    async def close(self) -> None:
        """Forget it."""
        self._open.discard(self.id)
        await checkpoint()

    def _test(self) -> ExecResult:
        right = self._files.get("answer.txt") == self._words
        self._verdict = (FileEntry("reward.txt", "file", 0o644, b"1\n" if right else b"0\n", None),)
        return _said("PASSED tests::word\n" if right else "FAILED tests::word - another word\n")


class PretendBackend:
    """Makes them, and knows which are open."""

    name = "pretend"

    def __init__(self, *, has_python: bool = True) -> None:
        self.open_ids: set[str] = set()
        self._has_python = has_python

    @property
    def disk(self) -> Path | None:
        """Nothing is written."""
        return None

    def describe(self) -> Isolation:
        """Isolates nothing, and runs nothing."""
        return Isolation("none", "nothing is run", None, frozenset())

    def check(self, task: Task) -> list[str]:
        """Honour whatever is asked."""
        return []

    def notes(self, task: Task) -> list[str]:
        """Say nothing."""
        return []

    lasting: Reattachable | None = None

    async def sweep(self, which: Callable[[str], bool]) -> tuple[str, ...]:
        """Forget what a dead process left."""
        left = tuple(sorted(each for each in self.open_ids if which(each)))
        self.open_ids.difference_update(left)
        return left

    async def open(self, spec: SandboxSpec) -> Sandbox:
        """Make one."""
        await checkpoint()
        if spec.id in self.open_ids:
            raise SandboxUnavailable(spec.id, "it is open", remedy="sweep")
        self.open_ids.add(spec.id)
        sandbox = PretendSandbox(spec, self.open_ids)
        sandbox.has_python = self._has_python
        return sandbox


def _said(text: str) -> ExecResult:
    return ExecResult(0, text.encode(), b"", "exited", len(text.encode()), 0)


def pretended(log: EventLog, base: Path, backend: PretendBackend | None = None) -> RunContext:
    """Make a setting without real sandboxes."""
    return RunContext(log, backend or PretendBackend(), load_prompts(), "test", {}, base)
