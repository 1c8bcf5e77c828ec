"""The page for those who come from SkillEvolBench names what there is: every finding once, and tests that exist."""

import re
from pathlib import Path
from typing import Final

from tests.architecture.source import ROOT

PAGE: Final = ROOT / "docs" / "from-skillevolbench.md"
FINDINGS: Final = 44
CORRECTIONS: Final = 10
NAMED_TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def _section(title: str) -> str:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"## {title}\n")
    return rest.partition("\n## ")[0]


def _rows(title: str) -> list[str]:
    """Give the rows of a table, without its head."""
    return [line for line in _section(title).splitlines() if line.startswith("| ")][2:]


def test_every_finding_has_one_row_with_what_is_so_here() -> None:
    """From W1 to W44, in order; none is passed over."""
    rows = [line.split(" | ") for line in _rows("What was found, one by one")]
    assert [row[0] for row in rows] == [f"| W{number}" for number in range(1, FINDINGS + 1)]
    assert all(len(row) == 3 and len(row[2]) > len("absent |") for row in rows)


def test_every_correction_has_a_row() -> None:
    """As many as were listed."""
    assert len(_rows("What was corrected later")) == CORRECTIONS


def test_every_test_that_it_names_exists() -> None:
    """A page that names a test which was renamed would prove nothing."""
    named = NAMED_TEST.findall(PAGE.read_text(encoding="utf-8"))
    assert len(named) > FINDINGS // 2
    missing = [f"{file}::{name}" for file, name in named if not holds(ROOT / file, name)]
    assert missing == []


def holds(file: Path, name: str) -> bool:
    """Say whether a file has a test of a name."""
    return (
        file.is_file()
        and re.search(rf"^(?:async )?def {name}\(", file.read_text(encoding="utf-8"), re.MULTILINE) is not None
    )
