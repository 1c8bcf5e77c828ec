"""How the tests fare without a mutant."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import anyio


class FileRun(NamedTuple):
    """One test file, run as it is."""

    seconds: float
    """From the start of pytest to its end."""
    green: bool
    """False: a test fails, so that its failure says nothing of a mutant."""


class Baseline:
    """Runs of test files without a mutant. Each file is run once, when a mutant first needs it."""

    def __init__(self) -> None:
        self._runs: dict[str, FileRun] = {}
        self._locks: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)

    async def of(self, test: str, run: Callable[[str], Awaitable[FileRun]]) -> FileRun:
        """Give the run of a test file.

        Args:
            test: The file.
            run: What runs it, if it was not run before; two who ask at once wait for one run.
        """
        async with self._locks[test]:
            if test not in self._runs:
                self._runs[test] = await run(test)
        return self._runs[test]

    @property
    def red(self) -> list[str]:
        """The files that fail."""
        return sorted(test for test, run in self._runs.items() if not run.green)

    def described(self) -> str:
        """Say how many files were run, and how long they took."""
        total = sum(run.seconds for run in self._runs.values())
        return f"{len(self._runs)} test files took {total:.0f} s without a mutant"
