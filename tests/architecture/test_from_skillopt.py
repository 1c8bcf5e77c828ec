"""The page for those who come from SkillOpt names tests that exist."""

from typing import Final

from tests.architecture.source import ROOT
from tests.architecture.test_from_skillevolbench import NAMED_TEST, holds

PAGE: Final = ROOT / "docs" / "from-skillopt.md"


def test_every_test_that_it_names_exists() -> None:
    """A page that names a test which was renamed would prove nothing."""
    named = NAMED_TEST.findall(PAGE.read_text(encoding="utf-8"))
    assert named
    assert [f"{file}::{name}" for file, name in named if not holds(ROOT / file, name)] == []
