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

PORTION: Final = 3
"""How many test files a run of pytest gets, after a first run with one. It imports all that it is given before it runs
any of it, and most mutants fail in the first file."""


class BenchLimits(NamedTuple):
    """What a run of the bench may take."""

    jobs: int
    """Copies that are worked in at once."""
    hours: float
    """Begin no further mutant after this long."""
    seconds: float
    """Ask no further test file about a mutant after this long."""


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
        """Ask test files, as many as the time allows, until one fails that passes without the mutant.

        Returns:
            What became of the mutant, None if no test file passes without it; and how many files were asked.
        """
        outcome: MutantOutcome | None = None
        asked, begun = 0, time.monotonic()
        for some in _portions(self._tests.tests_of(mutant.path)):
            found = await self._asked(copy, mutant, some)
            if found is not None:
                outcome, asked = found, asked + len(some)
            spent = time.monotonic() - begun
            if spent >= self._limits.seconds or (outcome is not None and outcome.verdict != "survived"):
                break
        return None if outcome is None else outcome._replace(seconds=time.monotonic() - begun), asked

    async def _asked(self, copy: Copy, mutant: Mutant, tests: Sequence[str]) -> MutantOutcome | None:
        """Ask some test files; those that fail without the mutant, too, are left out. None: all of them do."""
        while some := [each for each in tests if each not in self.baseline.red]:
            limit_s = self.baseline.limit_s(some)
            outcome = await copy.attempt(mutant, some, limit_s=limit_s)
            # Where no test is named, nothing could be imported; or pytest itself does not run, mutant or none.
            failed = outcome.by.partition("::")[0] or some[0]
            doubtful = {"killed": [failed], "timeout": some}.get(outcome.verdict, [])
            runs = [await self.baseline.of(each, copy.run) for each in doubtful]
            late = outcome.verdict == "timeout" and self.baseline.limit_s(some) > limit_s
            if all(run.green for run in runs) and not late:
                return outcome
        return None

    def _keep(self, mutant: Mutant, found: MutantResult) -> None:
        self._results[mutant] = found
        print("\n".join(described(found)), flush=True)
        self._kept.keep(mutant, found)


def _portions(tests: Sequence[str]) -> Iterator[Sequence[str]]:
    yield tests[:1]
    for start in range(1, len(tests), PORTION):
        yield tests[start : start + PORTION]
