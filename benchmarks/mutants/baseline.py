"""How the tests fare without a mutant."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NamedTuple

import anyio


class FileRun(NamedTuple):
    """One test file, run as it is."""

    seconds: float
    """From the start of pytest to its end."""
    green: bool
    """False: a test fails, so that its failure says nothing of a mutant."""


GRACE_S: Final = 60
"""How long the tests of a mutant may take beside three times what they took without it."""

UNKNOWN_S: Final = 240
"""How long they may take before it is known what they take without it."""


class Baseline:
    """Runs of test files without a mutant. A file is run once, when it has failed with a mutant or has not ended."""

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

    def limit_s(self, tests: Iterable[str]) -> float:
        """Give the seconds after which test files are taken for ones that never end."""
        known = [self._runs.get(test) for test in tests]
        total = sum(run.seconds for run in known if run is not None)
        return max(3 * total + GRACE_S, UNKNOWN_S if None in known else 0)

    @property
    def red(self) -> list[str]:
        """The files that fail."""
        return sorted(test for test, run in self._runs.items() if not run.green)

    def described(self) -> str:
        """Say how many files were run, and how long they took."""
        total = sum(run.seconds for run in self._runs.values())
        return f"{len(self._runs)} test files took {total:.0f} s without a mutant"
