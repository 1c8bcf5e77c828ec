"""The guide to item formats is true: its example is the shipped one, and its session comes out as it is printed."""

import doctest
import sys
import tomllib
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Final

import pytest

from tests.support.quiz import quiz_installed
from tests.support.quiz_runs import quiz_spec, quizzed

ROOT: Final = Path(__file__).parents[3]
EXAMPLE: Final = ROOT / "examples" / "own_parts"
GUIDE: Final = ROOT / "docs" / "items.md"
SPELLER: Final = """\
name = "speller"
[[rule]]
name = "spells by ear"
contains = ["Role: student", "sounds like nite"]
[[rule.turn]]
text = "<answer>knight</answer>"
"""


@pytest.fixture(autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the example's item format beside the quiz."""
    points = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]["stillroom.items"]
    sys.path.append(str(EXAMPLE))
    lines = ["[stillroom.items]", *[f"{name} = {value}" for name, value in points.items()]]
    with quiz_installed(tmp_path_factory.mktemp("installed"), *lines):
        yield
    sys.path.remove(str(EXAMPLE))


def test_its_session_comes_out_as_printed(tmp_path: Path) -> None:
    """Reading a set, scoring an answer, and the error for a row that is wrong."""
    session = doctest.DocTestParser().get_doctest(GUIDE.read_text(), {}, "items.md", str(GUIDE), 0)
    assert len(session.examples) > 8
    told: list[str] = []
    with chdir(tmp_path):
        result = doctest.DocTestRunner(verbose=False).run(session, out=told.append)
    assert (result.failed, result.attempted) == (0, len(session.examples)), "".join(told)


def test_the_format_that_it_shows_is_the_shipped_one() -> None:
    """Line by line, but for docstrings and annotations."""
    shown = GUIDE.read_text().split("class Spelling:\n")[1].split("```")[0]
    source = (EXAMPLE / "own_parts" / "spelling.py").read_text()
    lines = [line for line in shown.splitlines() if line.strip() and "ways = " not in line]
    assert len(lines) > 10
    assert [line for line in lines if line not in source.splitlines()] == []


async def test_its_items_are_rolled_out_like_all_others(tmp_path: Path) -> None:
    """A new benchmark is one file."""
    (tmp_path / "items").mkdir()
    (tmp_path / "items" / "test.jsonl").write_text('{"word": "knight", "sound": "nite"}\n')
    seen = await quizzed(tmp_path, quiz_spec(format="spelling"), SPELLER)
    assert seen.outcomes == {"item/quiz.knight.1": "solved"}
