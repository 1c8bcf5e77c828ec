"""Mutation testing: change one line, and see that a test fails. `python -m benchmarks.mutants`, or `make mutants`.

A sample of single-line mutants is drawn with a fixed seed from the modules that ``plan.toml`` names; each is tried in a
copy of the working tree against the tests that import its module. The exit code is 0 if all that survive are listed in
``survivors.toml``, 1 if one does that is not (or an entry of the list fits no line any more), and 2 if not all were
run.

mutmut and cosmic-ray draw no sample, run one command for every mutant, and change the tree in place or need one server
for each copy; what is left of them here is the operators, which are the short part.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import anyio
import msgspec

from benchmarks.mutants.copies import Baseline, Copy, MutantOutcome
from benchmarks.mutants.operators import Mutant, differs
from benchmarks.mutants.report import MutantResult, described, result, table
from benchmarks.mutants.sampling import Drawn, MutationAreas, areas, candidates, sample
from benchmarks.mutants.survivors import Survivor, listed, read, stale
from benchmarks.mutants.test_map import TestMap

ROOT: Final = Path(__file__).parents[2]
GRACE_S: Final = 60
"""How long a mutant's tests may take beside three times what they took without it."""

BATCH: Final = 10
"""Test files that are measured by one process."""


class MutantTrial(NamedTuple):
    """A mutant, and the tests to try it with."""

    area: str
    mutant: Mutant
    known: Survivor | None
    tests: tuple[str, ...]
    limit_s: float


def main() -> int:
    """Draw, run, report."""
    asked = _arguments()
    plan, survivors = MutationAreas.read(), read()
    found = {name: candidates(ROOT, paths) for name, paths in areas(ROOT, plan).items()}
    chosen = _chosen(asked, plan, found)
    if not chosen:
        print("no such mutant", file=sys.stderr)
        return 2
    if asked.list:
        for each in chosen:
            print("\n".join(described(result(each.area, each.mutant, None, listed(each.mutant, survivors), 0))))
        return 0
    bench = MutantBench(asked, plan, survivors, found_names=list(found))
    results = bench.run(chosen)
    old = stale(survivors, (each for mutants in found.values() for each in mutants))
    return _conclude(results, old, bench.baseline, list(found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", default="11", help="of the drawing (default: 11)")
    parser.add_argument("--area", action="append", help="draw from this area only; may be given more than once")
    parser.add_argument("--only", nargs="+", metavar="ID", help="try these mutants, drawn or not")
    parser.add_argument("--file", help="try every mutant of one file")
    parser.add_argument("--list", action="store_true", help="show what is drawn, and try nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON; kept up as they come")
    parser.add_argument(
        "--times",
        type=Path,
        metavar="FILE",
        help="how long each test takes: read if it is there, else measured and written",
    )
    parser.add_argument("--jobs", type=int, default=2, help="copies that are worked in at once (default: 2)")
    parser.add_argument("--hours", type=float, default=2.0, help="begin no further mutant after this long (default: 2)")
    parser.add_argument(
        "--seconds", type=float, default=90.0,
        help="of a module's tests, ask what takes no longer together, those about the least else first (default: 90)",
    )  # fmt: skip
    return parser.parse_args()


def _chosen(asked: argparse.Namespace, plan: MutationAreas, found: Mapping[str, Sequence[Mutant]]) -> list[Drawn]:
    everything = [Drawn(name, each) for name, mutants in found.items() for each in mutants]
    if asked.only:
        return [each for each in everything if each.mutant.id in asked.only]
    if asked.file:
        source = (ROOT / asked.file).read_text(encoding="utf-8")
        return [each for each in everything if each.mutant.path == asked.file and differs(each.mutant, source)]
    return [each for each in sample(ROOT, plan, asked.seed) if not asked.area or each.area in asked.area]


class MutantBench:
    """Copies of the tree, and mutants tried in them."""

    def __init__(
        self,
        asked: argparse.Namespace,
        plan: MutationAreas,
        survivors: Sequence[Survivor],
        *,
        found_names: Sequence[str],
    ) -> None:
        self._asked, self._map, self._survivors, self._areas = asked, TestMap(ROOT, plan), survivors, found_names
        self._begun = time.monotonic()
        self._results: dict[Mutant, MutantResult] = {}
        self._green: dict[str, bool] = {}
        """By test file that has killed a mutant: whether it passes without one."""
        self.baseline = Baseline({}, ())

    def run(self, chosen: Sequence[Drawn]) -> list[MutantResult]:
        """Try mutants; give what became of each, in their order."""
        tests = {each.mutant.path: self._map.tests_of(each.mutant.path) for each in chosen}
        with ExitStack() as stack:
            copies = []
            for _ in range(min(self._asked.jobs, len(chosen))):
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mutants-")))
                environment = dict(os.environ)  # noqa: TID251 - what the tests of a person's machine need
                copies.append(Copy(ROOT, folder, environment))
            anyio.run(self._run, chosen, tests, copies)
        return [self._results[each.mutant] for each in chosen]

    async def _run(self, chosen: Sequence[Drawn], tests: Mapping[str, Sequence[str]], copies: Sequence[Copy]) -> None:
        self.baseline = await self._measured(sorted({each for files in tests.values() for each in files}), copies)
        pending = [self._trial(each, tests[each.mutant.path]) for each in reversed(chosen)]

        async def work(copy: Copy) -> None:
            while pending:
                trial = pending.pop()
                self._keep(trial.mutant, await self._try(copy, trial))

        async with anyio.create_task_group() as group:
            for copy in copies:
                group.start_soon(work, copy)

    async def _measured(self, wanted: Sequence[str], copies: Sequence[Copy]) -> Baseline:
        """Run the tests without a mutant, unless that was done before."""
        file = self._asked.times
        known = Baseline({}, ())
        if file is not None and file.exists():
            known = msgspec.json.decode(file.read_bytes(), type=Baseline)
        unknown = [each for each in wanted if each not in known.seconds]
        batches = [unknown[start : start + BATCH] for start in range(0, len(unknown), BATCH)]
        parts = [known]

        async def measure(copy: Copy) -> None:
            while batches:
                parts.append(await copy.baseline(batches.pop()))

        async with anyio.create_task_group() as group:
            for copy in copies:
                group.start_soon(measure, copy)
        seconds = {test: took for part in parts for test, took in part.seconds.items()}
        print(f"{len(seconds)} test files took {sum(seconds.values()):.0f} s without a mutant", flush=True)
        found = Baseline(seconds, tuple(test for part in parts for test in part.red))
        if file is not None:
            file.write_bytes(msgspec.json.encode(found))
        return found

    def _trial(self, each: Drawn, tests: Sequence[str]) -> MutantTrial:
        """Choose the tests that fit the time, at least one."""
        chosen: list[str] = []
        total = 0.0
        for test in tests:
            took = self.baseline.seconds[test]
            if test not in self.baseline.red and (not chosen or total + took <= self._asked.seconds):
                chosen.append(test)
                total += took
        return MutantTrial(
            each.area, each.mutant, listed(each.mutant, self._survivors), tuple(chosen), 3 * total + GRACE_S
        )

    async def _try(self, copy: Copy, trial: MutantTrial) -> MutantResult:
        outcome = None
        late = time.monotonic() - self._begun > self._asked.hours * 3600
        if not late and trial.tests and (trial.known is None or trial.known.kind != "equivalent"):
            outcome = await self._killed_fairly(copy, trial)
        return result(trial.area, trial.mutant, outcome, trial.known, len(trial.tests))

    async def _killed_fairly(self, copy: Copy, trial: MutantTrial) -> MutantOutcome | None:
        """Try a mutant; a test that fails without it, too, kills nothing: the others are asked then."""
        tests = list(trial.tests)
        while tests:
            outcome = await copy.attempt(trial.mutant, tests, limit_s=trial.limit_s)
            file = outcome.by.partition("::")[0]
            if outcome.verdict != "killed" or await self._passes(copy, file):
                return outcome
            tests.remove(file)
        return None

    async def _passes(self, copy: Copy, file: str) -> bool:
        """Whether a test file passes without a mutant; one that was not named could not even be imported."""
        if file and file not in self._green:
            self._green[file] = await copy.passes(file)
            if not self._green[file]:
                self.baseline = self.baseline._replace(red=(*self.baseline.red, file))
        return not file or self._green[file]

    def _keep(self, mutant: Mutant, found: MutantResult) -> None:
        self._results[mutant] = found
        print("\n".join(described(found)), flush=True)
        if self._asked.json is not None:
            self._asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(list(self._results.values()))))


def _conclude(
    results: Sequence[MutantResult], old: Sequence[Survivor], baseline: Baseline, names: Sequence[str]
) -> int:
    print("\n" + "\n".join(table(results, names)))
    survived = [each for each in results if each.verdict == "survived"]
    for each in survived:
        print("\n".join(described(each)))
    for entry in old:
        print(f"survivors.toml: no line of {entry.inside} is {entry.was!r} any more, or gives {entry.mutant!r}")
    for test in baseline.red:
        print(f"left out, since it fails without a mutant: {test}")
    if any(each.verdict == "not run" for each in results) or baseline.red:
        return 2
    return 1 if survived or old else 0


if __name__ == "__main__":
    sys.exit(main())
