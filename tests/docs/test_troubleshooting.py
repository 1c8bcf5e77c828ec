"""What docs/troubleshooting.md says of an error is what the error says, and the exit code is its own."""

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator

import pytest

from events.errors import StillroomError
from tests.architecture.source import ROOT

ROWS = re.findall(
    r"^\| `(.+?)` \| (\d+) \| .+ \|$", (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE
)


def _errors(root: type[StillroomError]) -> Iterator[type[StillroomError]]:
    for each in root.__subclasses__():
        yield each
        yield from _errors(each)


@pytest.fixture(scope="module")
def said() -> dict[type[StillroomError], list[str]]:
    """Collect the texts of each error: those that stand in its class."""
    for path in ROOT.glob("*/**/errors.py"):
        if path.relative_to(ROOT).parts[0] in {"engine", "events", "replay", "sandbox", "views"}:
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return {each: _texts(each) for each in _errors(StillroomError) if each.__module__.partition(".")[0] != "tests"}


def _texts(error: type[StillroomError]) -> list[str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(error)))
    return [each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def test_the_page_has_rows() -> None:
    """Else the test below would hold nothing."""
    assert len(ROWS) > 25


@pytest.mark.parametrize(("problem", "code"), ROWS)
def test_a_row_is_of_an_error_that_says_so(
    problem: str, code: str, said: dict[type[StillroomError], list[str]]
) -> None:
    """Dots stand for what is another each time; the pieces between them are the error's own."""
    pieces = [each.strip() for each in problem.split("…") if each.strip(" :,")]
    found = [
        error
        for error, texts in said.items()
        if all(any(piece in text for text in texts) for piece in pieces) and error.exit_code == int(code)
    ]
    assert found, f"no error says {pieces} and ends with {code}"
