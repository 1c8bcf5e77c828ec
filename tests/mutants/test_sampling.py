"""Which mutants are drawn, and which tests are asked about each."""

from pathlib import Path

import msgspec
import pytest

from benchmarks.mutants.copies import MutantOutcome
from benchmarks.mutants.operators import mutants
from benchmarks.mutants.report import described, result, table
from benchmarks.mutants.sampling import Area, MutationAreas, areas, drawn, matching, sample
from benchmarks.mutants.survivors import Survivor, listed, read, stale
from benchmarks.mutants.test_map import TestMap

ROOT = Path(__file__).parents[2]
SOURCE = "def f(a, b):\n    if a < b:\n        return 1\n    c = a + b\n    return c > 3\n"
FILES = {
    "engine/narrow.py": "x = 1\n",
    "engine/middle.py": "from engine.narrow import x\n",
    "engine/apart.py": "y = 2\n",
    "tests/helper.py": "from engine import middle\n",
    "tests/a/conftest.py": "import engine.apart\n",
    "tests/a/test_one.py": "from engine.narrow import x\n",
    "tests/a/test_two.py": "from tests import helper\n",
    "tests/test_three.py": "from engine.narrow import x\nfrom tests import helper\n",
    "tests/test_four.py": "import os\n",
}


def _plan(**tests: object) -> MutationAreas:
    plan = {"area": [], "tests": {"never": [], "reached": [], **tests}}
    return msgspec.convert(plan, MutationAreas)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_seed_draws_the_same_again_and_another_seed_another() -> None:
    """So that before and after can be compared."""
    found, sources = mutants("a.py", SOURCE), {"a.py": SOURCE}
    assert drawn(found, sources, count=3, seed="1") == drawn(found[::-1], sources, count=3, seed="1")
    assert any(
        drawn(found, sources, count=3, seed="1") != drawn(found, sources, count=3, seed=str(n)) for n in range(9)
    )


def test_no_two_are_drawn_from_one_line_and_every_operator_has_its_turn() -> None:
    """A sample should say something of many places; and of edges, of which there are few."""
    chosen = drawn(mutants("a.py", SOURCE), {"a.py": SOURCE}, count=99, seed="1")
    assert sorted(each.line for each in chosen) == [2, 3, 4, 5]
    many = "x = 1, 2, 3\n" * 50 + "y = a < b\n"
    few = drawn(mutants("a.py", many), {"a.py": many}, count=2, seed="1")
    assert max(each.line for each in few) == 51


def test_a_module_belongs_to_the_first_area_that_names_it(tree: Path) -> None:
    """And globs go down into folders."""
    plan = _plan()
    plan = msgspec.structs.replace(plan, area=(Area("a", 1, ("**/narrow.py",)), Area("b", 1, ("engine/**/*.py",))))
    assert areas(tree, plan) == {"a": ["engine/narrow.py"], "b": ["engine/apart.py", "engine/middle.py"]}
    assert {each.area for each in sample(tree, plan, "1")} == {"a", "b"}


def test_who_imports_a_module_is_asked_the_narrowest_first(tree: Path) -> None:
    """A test imports what its helpers and its fixtures import; what is imported by name comes before what is not."""
    known = TestMap(tree, _plan())
    assert known.tests_of("engine/narrow.py") == ["tests/a/test_one.py", "tests/test_three.py"]
    assert known.tests_of("engine/middle.py") == ["tests/test_three.py", "tests/a/test_two.py"]
    assert known.tests_of("engine/apart.py") == ["tests/a/test_one.py", "tests/a/test_two.py"]


def test_what_bears_the_name_of_a_module_is_asked_before_all_else(tree: Path) -> None:
    """However much it imports besides: it is where a story about the module is looked for."""
    (tree / "tests/engine").mkdir()
    (tree / "tests/engine/test_narrow_edges.py").write_text(
        "import engine.narrow\nimport engine.apart\nimport engine.middle\n"
    )
    (tree / "tests/test_narrow.py").write_text("import engine.narrow\nimport engine.apart\n")
    assert TestMap(tree, _plan()).tests_of("engine/narrow.py") == [
        "tests/engine/test_narrow_edges.py", "tests/a/test_one.py", "tests/test_narrow.py", "tests/test_three.py",
    ]  # fmt: skip


def test_a_test_that_reaches_more_is_asked_later(tree: Path) -> None:
    """What imports the command line imports one module, and is about all of them."""
    (tree / "engine/cli.py").write_text("import engine.middle\nimport engine.apart\n")
    (tree / "tests/a/test_one.py").write_text("import engine.cli\n")
    (tree / "tests/test_three.py").write_text("import engine.middle\nimport os\n")
    (tree / "tests/a/test_two.py").write_text("import engine.narrow\n")
    (tree / "tests/test_four.py").write_text("import engine.middle\nimport engine.cli\n")
    assert TestMap(tree, _plan()).tests_of("engine/middle.py") == ["tests/test_three.py", "tests/test_four.py"]
    (tree / "engine/deep.py").write_text("x = 1\n")
    (tree / "engine/middle.py").write_text("import engine.deep\n")
    (tree / "tests/test_four.py").write_text("import engine.cli, engine.middle\n")
    assert TestMap(tree, _plan()).tests_of("engine/deep.py") == ["tests/test_three.py", "tests/test_four.py"]


def test_a_module_that_no_test_imports_is_asked_about_where_its_importers_are(tree: Path) -> None:
    """Ring by ring; what nobody imports is asked about nowhere."""
    (tree / "engine/narrow.py").write_text("import engine.deep\n")
    (tree / "engine/deep.py").write_text("x = 1\n")
    assert TestMap(tree, _plan()).tests_of("engine/deep.py") == ["tests/a/test_one.py", "tests/test_three.py"]
    (tree / "engine/alone.py").write_text("x = 1\n")
    assert TestMap(tree, _plan()).tests_of("engine/alone.py") == []


def test_tests_may_be_declared_to_reach_a_module_or_never_to_count(tree: Path) -> None:
    """Through the command line, say; the declared ones come last."""
    reached = [{"modules": ["engine/nar*.py"], "by": ["tests/test_four.py"]}]
    plan = _plan(never=["tests/a/*.py"], reached=reached)
    assert TestMap(tree, plan).tests_of("engine/narrow.py") == ["tests/test_three.py", "tests/test_four.py"]


def test_what_may_survive_is_named_by_its_line_and_is_stale_without_it() -> None:
    """Where the line has changed, the reason is to be thought about again."""
    found = mutants("a.py", SOURCE)
    one = Survivor("equivalent", "f", "if a < b:", "if a <= b:", "a and b are never equal")
    old = msgspec.structs.replace(one, was="if a < c:")
    assert [listed(each, [old, one]) for each in found if each.operator == "boundary"] == [one, None]
    assert stale([one, old], found) == [old]


def test_a_listed_mutant_is_counted_apart_and_the_rest_as_it_ended() -> None:
    """An equivalent one is not run; one that is unheld is."""
    mutant = mutants("a.py", SOURCE)[0]
    known = Survivor("unheld", "f", mutant.before, mutant.after, "because")
    assert result("a", mutant, None, None, 3).verdict == "not run"
    assert result("a", mutant, None, msgspec.structs.replace(known, kind="equivalent"), 3).verdict == "equivalent"
    survived = MutantOutcome("survived", "", 1.0)
    assert result("a", mutant, survived, known, 3).verdict == "listed"
    assert result("a", mutant, MutantOutcome("killed", "t", 1.0), known, 3).verdict == "killed"
    rows = [result("a", mutant, survived, None, 3), result("b", mutant, MutantOutcome("timeout", "", 1.0), None, 3)]
    assert [line.split() for line in table(rows, ["a", "b", "c"])][1:] == [
        ["a", "1", "0", "0", "1", "0", "0", "0"],
        ["b", "1", "0", "1", "0", "0", "0", "0"],
        ["all", "2", "0", "1", "1", "0", "0", "0"],
    ]
    assert next(described(rows[0])) == f"{mutant.id}  a.py:2  {mutant.operator} in f: survived"


def test_the_plan_of_this_project_names_what_exists() -> None:
    """A glob that names nothing, or a list that cannot be read, would make the sample smaller without a word."""
    plan = MutationAreas.read()
    assert sum(area.draw for area in plan.area) >= 200
    found = areas(ROOT, plan)
    assert [name for name, paths in found.items() if not paths] == []
    globs = [each for reach in plan.tests.reached for each in (*reach.modules, *reach.by)]
    assert [each for each in (*plan.tests.never, *globs) if not any(matching(ROOT, [each]))] == []
    assert all(each.because for each in read())
