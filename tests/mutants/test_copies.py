"""Mutants tried in copies of a tree: what becomes of each, and that the tree itself stays as it is."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.mutants.copies import Copy
from benchmarks.mutants.operators import Mutant, mutants

SOURCE = "def f(n):\n    while n > 0:\n        n -= 1\n    return n\n\n\ndef g(n):\n    return n > 5\n"
TESTS = {
    "tests/test_f.py": "from m import f\n\ndef test_f():\n    assert f(3) == 0\n",
    "tests/test_g.py": "from m import g\n\ndef test_g():\n    assert g(9)\n",
    "tests/test_red.py": "def test_red():\n    assert False\n",
}
CONFIG = "[pytest]\npythonpath = .\naddopts = --import-mode=importlib\nmarkers =\n    slow\n    docker\n"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project that git knows."""
    root = tmp_path / "tree"
    for name, text in {**TESTS, "m.py": SOURCE, "pytest.ini": CONFIG, ".gitignore": "left\n", "left": "out"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


@pytest.fixture
def copy(tree: Path, tmp_path: Path) -> Iterator[Copy]:
    """A copy of it."""
    yield Copy(tree, tmp_path / "copy", dict(os.environ))  # noqa: TID251 - a process needs its search path
    assert (tree / "m.py").read_text() == (tmp_path / "copy/m.py").read_text() == SOURCE
    assert not (tmp_path / "copy/left").exists()


def _one(after: str) -> Mutant:
    return next(each for each in mutants("m.py", SOURCE) if each.after.strip() == after)


async def test_a_mutant_is_killed_or_survives(copy: Copy) -> None:
    """And the test that kills it is named. Two of one length, within a second: each is compiled anew."""
    files = ["tests/test_f.py", "tests/test_g.py"]
    killed = await copy.attempt(_one("return n <= 5"), files, limit_s=300)
    assert (killed.verdict, killed.by) == ("killed", "tests/test_g.py::test_g")
    assert (await copy.attempt(_one("return n >= 5"), files, limit_s=300)).verdict == "survived"
    assert (await copy.attempt(_one("return n > 6"), files[1:], limit_s=300)).verdict == "survived"


async def test_a_mutant_that_never_ends_is_ended(copy: Copy) -> None:
    """It counts as killed: whoever runs the tests notices."""
    assert (await copy.attempt(_one("n += 1"), ["tests/test_f.py"], limit_s=5)).verdict == "timeout"


async def test_whether_a_file_passes_is_asked_of_the_source_as_it_is(copy: Copy) -> None:
    """After a mutant as before it: what a test kills that fails anyway is not killed."""
    assert not (await copy.run("tests/test_red.py")).green
    assert (await copy.attempt(_one("return n <= 5"), ["tests/test_g.py"], limit_s=300)).verdict == "killed"
    assert (await copy.run("tests/test_g.py")).green
