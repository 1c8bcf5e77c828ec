"""Mutants tried in copies of the tree, several at once."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import anyio

from benchmarks.mutants.baseline import Baseline
from benchmarks.mutants.copies import Copy, MutantOutcome
from benchmarks.mutants.operators import Mutant
from benchmarks.mutants.report import MutantResult, described, result
from benchmarks.mutants.results import ResultsFile
from benchmarks.mutants.sampling import Drawn
from benchmarks.mutants.survivors import Survivor, listed
from benchmarks.mutants.test_map import TestMap

GRACE_S: Final = 60
"""How long a mutant's tests may take beside three times what they took without it."""

FIRST_ALONE: Final = (1, 3)
"""How many test files the first runs of pytest get. It imports all that it is given before it runs any of it, and most
mutants fail in the first file."""

MORE: Final = 8
"""How many each further run gets."""


class BenchLimits(NamedTuple):
    """What a run of the bench may take."""

    jobs: int
    """Copies that are worked in at once."""
    hours: float
    """Begin no further mutant after this long."""
    seconds: float
    """Of a mutant's tests, ask those that take no longer together without it; at least one."""


class MutantBench:
    """Tries mutants, each against the tests of its module until one fails."""

    def __init__(
        self, root: Path, limits: BenchLimits, survivors: Sequence[Survivor], tests: TestMap, kept: ResultsFile
    ) -> None:
        self._root, self._limits, self._survivors, self._tests, self._kept = root, limits, survivors, tests, kept
        self._begun = time.monotonic()
        self._results: dict[Mutant, MutantResult] = {}
        self.baseline = Baseline()

    def run(self, chosen: Sequence[Drawn]) -> list[MutantResult]:
        """Try mutants that were not tried before, then those that survived before; give all results in their order."""
        earlier = {each.mutant: self._kept.earlier(each.mutant) for each in chosen}
        self._results = {mutant: found for mutant, found in earlier.items() if found is not None and found.is_killed}
        left = [each for each in chosen if each.mutant not in self._results]
        left.sort(key=lambda each: earlier[each.mutant] is not None)
        with ExitStack() as stack:
            copies = []
            for _ in range(min(self._limits.jobs, len(left))):
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mutants-")))
                environment = dict(os.environ)  # noqa: TID251 - what the tests of a person's machine need
                copies.append(Copy(self._root, folder, environment))
            anyio.run(self._run, left, copies)
        return [self._results[each.mutant] for each in chosen]

    async def _run(self, left: Sequence[Drawn], copies: Sequence[Copy]) -> None:
        pending = list(reversed(left))

        async def work(copy: Copy) -> None:
            while pending:
                each = pending.pop()
                self._keep(each.mutant, await self._try(copy, each))

        async with anyio.create_task_group() as group:
            for copy in copies:
                group.start_soon(work, copy)

    async def _try(self, copy: Copy, each: Drawn) -> MutantResult:
        known = listed(each.mutant, self._survivors)
        outcome, asked = None, 0
        late = time.monotonic() - self._begun > self._limits.hours * 3600
        if not late and (known is None or known.kind != "equivalent"):
            outcome, asked = await self._attempt(copy, each.mutant)
        return result(each.area, each.mutant, outcome, known, asked)

    async def _attempt(self, copy: Copy, mutant: Mutant) -> tuple[MutantOutcome | None, int]:
        """Ask test files that pass without the mutant, as many as fit the time, until one fails.

        Returns:
            What became of the mutant, None if no test file passes without it; and how many files were asked.
        """
        outcome: MutantOutcome | None = None
        spent, asked, begun = 0.0, 0, time.monotonic()
        for some in _portions(self._tests.tests_of(mutant.path)):
            chosen: list[str] = []
            total = 0.0
            for test in some:
                alone = await self.baseline.of(test, copy.run)
                fits = spent + total + alone.seconds <= self._limits.seconds
                if alone.green and (fits or not asked + len(chosen)):
                    chosen.append(test)
                    total += alone.seconds
            if chosen:
                spent, asked = spent + total, asked + len(chosen)
                outcome = await copy.attempt(mutant, chosen, limit_s=3 * total + GRACE_S)
            if spent >= self._limits.seconds or (outcome is not None and outcome.verdict != "survived"):
                break
        return None if outcome is None else outcome._replace(seconds=time.monotonic() - begun), asked

    def _keep(self, mutant: Mutant, found: MutantResult) -> None:
        self._results[mutant] = found
        print("\n".join(described(found)), flush=True)
        self._kept.keep(mutant, found)


def _portions(tests: Sequence[str]) -> Iterator[Sequence[str]]:
    start = 0
    for size in FIRST_ALONE:
        yield tests[start : start + size]
        start += size
    for further in range(start, len(tests), MORE):
        yield tests[further : further + MORE]
