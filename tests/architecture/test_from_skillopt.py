"""The page for those who come from SkillOpt names tests and settings that exist."""

import re
from typing import Final

from engine.config.schema import keys
from tests.architecture.source import ROOT
from tests.architecture.test_from_skillevolbench import NAMED_TEST, holds

PAGE: Final = ROOT / "docs" / "from-skillopt.md"


def test_every_test_that_it_names_exists() -> None:
    """A page that names a test which was renamed would prove nothing."""
    named = NAMED_TEST.findall(PAGE.read_text(encoding="utf-8"))
    assert named
    assert [f"{file}::{name}" for file, name in named if not holds(ROOT / file, name)] == []


def test_every_setting_that_it_names_exists() -> None:
    """A key in full, and those behind it that begin with a dot and differ in their last part."""
    known = {key.name for key in keys()}
    named: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").partition("## Keys")[2].partition("## Files")[0].splitlines():
        for word in re.findall(r"`((?:train)?\.[a-z_.]+)`", line.rpartition(" | ")[2]):
            named.append(word if word.startswith("train") else named[-1].rpartition(".")[0] + word)
    assert len(named) > 20
    assert sorted(set(named) - known) == []
