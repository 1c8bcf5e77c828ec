"""Mutation testing: change one line, and see that a test fails. `python -m benchmarks.mutants`, or `make mutants`.

A sample of single-line mutants is drawn with a fixed seed from the modules that ``plan.toml`` names; each is tried in a
copy of the working tree against the tests that import its module. The exit code is 0 if all that survive are listed in
``survivors.toml``, 1 if one does that is not (or an entry of the list fits no line any more), and 2 if not all were
run.

mutmut and cosmic-ray draw no sample, run one command for every mutant, and change the tree in place or need one server
for each copy; what is left of them here is the operators, which are the short part.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.mutants.baseline import Baseline
from benchmarks.mutants.bench import BenchLimits, MutantBench
from benchmarks.mutants.operators import Mutant, differs
from benchmarks.mutants.report import MutantResult, described, result, table
from benchmarks.mutants.results import ResultsFile
from benchmarks.mutants.sampling import Drawn, MutationAreas, areas, candidates, sample
from benchmarks.mutants.survivors import Survivor, listed, read, stale
from benchmarks.mutants.test_map import TestMap

ROOT: Final = Path(__file__).parents[2]


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
    limits = BenchLimits(asked.jobs, asked.hours, asked.seconds)
    bench = MutantBench(ROOT, limits, survivors, TestMap(ROOT, plan), ResultsFile(ROOT, asked.results))
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
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FILE",
        help="write the results as JSON as they come; what it says was killed in a module that is the same is not "
        "tried again, and what survived is tried last",
    )
    parser.add_argument("--jobs", type=int, default=2, help="copies that are worked in at once (default: 2)")
    parser.add_argument("--hours", type=float, default=2.0, help="begin no further mutant after this long (default: 2)")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="ask no more tests about a mutant after this long (default: 60)"
    )
    return parser.parse_args()


def _chosen(asked: argparse.Namespace, plan: MutationAreas, found: Mapping[str, Sequence[Mutant]]) -> list[Drawn]:
    everything = [Drawn(name, each) for name, mutants in found.items() for each in mutants]
    if asked.only:
        return [each for each in everything if each.mutant.id in asked.only]
    if asked.file:
        source = (ROOT / asked.file).read_text(encoding="utf-8")
        return [each for each in everything if each.mutant.path == asked.file and differs(each.mutant, source)]
    return [each for each in sample(ROOT, plan, asked.seed) if not asked.area or each.area in asked.area]


def _conclude(
    results: Sequence[MutantResult], old: Sequence[Survivor], baseline: Baseline, names: Sequence[str]
) -> int:
    print(f"\n{baseline.described()}\n" + "\n".join(table(results, names)))
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
