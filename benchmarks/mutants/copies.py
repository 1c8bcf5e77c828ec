"""Copies of the source in which mutants are tried: never the source itself."""

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import killpg
from pathlib import Path
from signal import SIGKILL
from subprocess import DEVNULL, STDOUT
from typing import Final, NamedTuple

import anyio

from benchmarks.mutants.baseline import FileRun
from benchmarks.mutants.operators import Mutant, applied

LEFT_OUT: Final = "not slow and not docker"
_PYTEST: Final = ("-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", "--tb=no", "-rfE", "-m", LEFT_OUT)
_PATIENT: Final = "--timeout=0"
"""A test that is slow because the machine is busy kills nothing; what never ends is ended from outside."""


class MutantOutcome(NamedTuple):
    """How the tests took a mutant."""

    verdict: str
    """``killed``, ``timeout`` (killed, too: they never end), or ``survived``."""
    by: str
    """The test that failed; empty if none did, or if the module could not even be imported."""
    seconds: float


class Copy:
    """One copy of a working tree. It is used by one test run at a time."""

    def __init__(self, root: Path, folder: Path, environment: Mapping[str, str]) -> None:
        """Copy what git knows of, and what it does not ignore.

        Args:
            root: The working tree.
            folder: A new folder.
            environment: Variables of the test processes.
        """
        self._folder = folder
        # The installed package leads to the source; what a test starts must find the copy first.
        self._environment = {**environment, "PYTHONPATH": str(folder)}
        for name in _files(root):
            if (root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, folder / name, follow_symlinks=False)

    async def run(self, test: str) -> FileRun:
        """Run a test file as it is."""
        begun = time.monotonic()
        code, _ = await self._pytest([test], limit_s=None)
        return FileRun(time.monotonic() - begun, code in {0, 5})

    async def attempt(self, mutant: Mutant, tests: Sequence[str], *, limit_s: float) -> MutantOutcome:
        """Run tests on a mutant until one fails; afterwards the copy is as it was.

        Args:
            mutant: What to change.
            tests: Files, in the order in which they are asked.
            limit_s: Seconds until the mutant is taken for one that never ends.
        """
        path = self._folder / mutant.path
        source = path.read_text(encoding="utf-8")
        begun = time.monotonic()
        try:
            self._write(path, applied(mutant, source))
            outcome = _outcome(*await self._pytest(["-x", *tests], limit_s=limit_s))
        finally:
            self._write(path, source)
        return outcome._replace(seconds=time.monotonic() - begun)

    def _write(self, path: Path, text: str) -> None:
        """Write a module, and forget what was compiled: that is told from the source by its second and its size."""
        path.write_text(text, encoding="utf-8", newline="")
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()

    async def _pytest(self, arguments: Sequence[str], *, limit_s: float | None) -> tuple[int | None, str]:
        """Run pytest in the copy. The code is None if it had to be ended."""
        process = await anyio.open_process(
            [sys.executable, *_PYTEST, _PATIENT, *arguments],
            cwd=self._folder, env=self._environment, start_new_session=True, stdin=DEVNULL, stderr=STDOUT,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            with anyio.move_on_after(limit_s):
                said = b"".join([piece async for piece in process.stdout])
                return await process.wait(), said.decode(errors="replace")
        finally:
            # With all that its tests started. Once it has ended, its number may be another process's.
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    killpg(process.pid, SIGKILL)
            with anyio.CancelScope(shield=True):
                await process.aclose()
        return None, ""


def _files(root: Path) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root, capture_output=True, check=True, text=True,
    )  # fmt: skip
    return [name for name in listed.stdout.split("\0") if name]


def _outcome(code: int | None, said: str) -> MutantOutcome:
    match code:
        case None:
            return MutantOutcome("timeout", "", 0.0)
        case 0 | 5:  # 5: all of its tests are left out by their marks
            return MutantOutcome("survived", "", 0.0)
        case _:
            return MutantOutcome("killed", _failed(said), 0.0)


def _failed(said: str) -> str:
    """Find the test that failed in pytest's last lines."""
    found = [
        line.split(" - ")[0].split(" ", 1)[1] for line in said.splitlines() if line.startswith(("FAILED ", "ERROR "))
    ]
    return found[0] if found else ""
