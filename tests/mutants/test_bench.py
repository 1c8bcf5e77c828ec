"""Mutants tried one after the other: which tests are asked, and what a later run need not try again."""

import subprocess
from pathlib import Path

import anyio
import pytest

from benchmarks.mutants.baseline import Baseline, FileRun
from benchmarks.mutants.bench import BenchLimits, MutantBench
from benchmarks.mutants.copies import MutantOutcome
from benchmarks.mutants.operators import Mutant, mutants
from benchmarks.mutants.report import MutantResult, result
from benchmarks.mutants.results import ResultsFile
from benchmarks.mutants.sampling import Drawn, MutationAreas
from benchmarks.mutants.survivors import Survivor
from benchmarks.mutants.test_map import TestMap
from tests.mutants.test_copies import CONFIG, SOURCE

TESTS = {
    "tests/a/test_red.py": "from engine.m import f\n\ndef test_red():\n    assert False\n",
    "tests/engine/test_m.py": "from engine.m import f\n\ndef test_f():\n    assert f(3) == 0\n",
    "tests/engine/test_m_more.py": "from engine.m import g\n\ndef test_g():\n    assert g(9)\n",
}
PLAN = MutationAreas.read()
KILLED = MutantOutcome("killed", "tests/test_m.py::test_f", 1.0)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project."""
    root = tmp_path / "tree"
    for name, text in {**TESTS, "engine/m.py": SOURCE, "pytest.ini": CONFIG}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


def _one(after: str) -> Mutant:
    return next(each for each in mutants("engine/m.py", SOURCE) if each.after.strip() == after)


async def test_a_test_file_is_run_once_without_a_mutant_whoever_asks_for_it() -> None:
    """Two workers that need it at once wait for one run; what fails is named."""
    baseline, ran = Baseline(), list[str]()

    async def run(test: str) -> FileRun:
        await anyio.lowlevel.checkpoint()
        ran.append(test)
        return FileRun(2.0, test != "red")

    async with anyio.create_task_group() as group:
        for test in ("red", "green", "red"):
            group.start_soon(baseline.of, test, run)
    assert sorted(ran) == ["green", "red"]
    assert await baseline.of("red", run) == FileRun(2.0, green=False)
    assert baseline.red == ["red"]
    assert baseline.limit_s(["red", "green"]) == 72
    assert baseline.limit_s(["red", "unknown"]) == 240
    assert baseline.described() == "2 test files took 4 s without a mutant"


def test_what_was_killed_is_known_to_a_later_run(tree: Path, tmp_path: Path) -> None:
    """And what became of the others, too; where nothing is kept, nothing is known."""
    mutant, other = _one("return n <= 5"), _one("return n >= 5")
    found = result("a", mutant, KILLED, None, 1)
    ResultsFile(tree, tmp_path / "results.json").keep(mutant, found)
    later = ResultsFile(tree, tmp_path / "results.json")
    assert later.earlier(mutant) == found
    assert later.earlier(other) is None
    unkept = ResultsFile(tree, None)
    unkept.keep(mutant, found)
    assert unkept.earlier(mutant) == found
    assert ResultsFile(tree, None).earlier(mutant) is None


def test_what_was_not_run_or_whose_module_has_changed_is_not_known(tree: Path, tmp_path: Path) -> None:
    """It is tried."""
    kept = ResultsFile(tree, tmp_path / "results.json")
    mutant, unrun = _one("return n <= 5"), _one("return n >= 5")
    kept.keep(unrun, result("a", unrun, None, None, 1))
    kept.keep(mutant, result("a", mutant, KILLED, None, 1))
    (tree / "engine/m.py").write_text(f"{SOURCE}\n")
    assert [kept.earlier(each) for each in (mutant, unrun)] == [None, None]
    (tree / "engine/m.py").write_text(SOURCE)
    assert [kept.earlier(each) is None for each in (mutant, unrun)] == [False, True]


@pytest.mark.slow
@pytest.mark.timeout(600)
class TestBench:
    """Runs of it: pytest is started for each file, and again for each mutant."""

    def _bench(
        self, tree: Path, results: Path | None, survivors: tuple[Survivor, ...] = (), *, seconds: float = 600.0
    ) -> MutantBench:
        limits = BenchLimits(jobs=2, hours=1.0, seconds=seconds)
        return MutantBench(tree, limits, survivors, TestMap(tree, PLAN), ResultsFile(tree, results))

    def _ended(self, results: list[MutantResult]) -> list[tuple[str, str, int]]:
        return [(each.verdict, each.by, each.tests) for each in results]

    def test_mutants_are_tried_and_what_survived_is_tried_again(self, tree: Path, tmp_path: Path) -> None:
        """A file that fails anyway kills nothing; a later run asks anew only about what survived, and kills it."""
        pending = [Drawn("a", _one(after)) for after in ("return n <= 5", "return n >= 5", "n -= 2")]
        bench = self._bench(tree, tmp_path / "results.json")
        assert self._ended(bench.run(pending)) == [
            ("killed", "tests/engine/test_m_more.py::test_g", 3),
            ("survived", "", 3),
            ("killed", "tests/engine/test_m.py::test_f", 1),
        ]
        assert bench.baseline.red == ["tests/a/test_red.py"]
        (tree / "tests/engine/test_m_edge.py").write_text(
            "from engine.m import g\n\ndef test_5():\n    assert not g(5)\n"
        )
        (tree / "tests/engine/test_m_more.py").write_text("from engine.m import g\n")
        assert [each.verdict for each in self._bench(tree, tmp_path / "results.json").run(pending)] == ["killed"] * 3

    def test_no_more_is_asked_than_fits_the_time_and_nothing_of_an_equivalent(self, tree: Path) -> None:
        """One file at least is asked, however long it takes."""
        mutant, same = _one("return n <= 5"), _one("return n >= 5")
        known = Survivor("equivalent", "g", same.before.strip(), same.after.strip(), "no caller asks for 5")
        found = self._bench(tree, None, (known,), seconds=0.0).run([Drawn("a", mutant), Drawn("a", same)])
        assert self._ended(found) == [("survived", "", 1), ("equivalent", "", 0)]
