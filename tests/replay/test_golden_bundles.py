"""Runs that earlier versions of the package wrote: whatever changes, they are the same again.

Each file in ``tests/golden`` that ends in ``.bundle`` is one; ``docs/schema-change.md`` says when to add another.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.cli.terminal import type_in
from tests.support.edits import edit_events

GOLDEN: Final = sorted((Path(__file__).parents[1] / "golden").glob("*.bundle"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_run_of_an_earlier_version_is_the_same_again(path: Path, tmp_path: Path) -> None:
    """Rebuilt, decided again and run again, from the bundle and from a log that it was brought into."""
    verified = type_in(tmp_path, "bundle", "verify", str(path), "--json")
    assert (verified.code, verified.rows[0]["sound"]) == (0, True)
    assert type_in(tmp_path, "bundle", "read", str(path)).code == 0
    for words in ((str(path),), ()):
        outcome = type_in(tmp_path, "replay", *words, "--json")
        assert outcome.code == 0, outcome.out
        by_kind = {row["kind"]: row for row in outcome.rows}
        assert by_kind["rerun"]["complete"] is True
        assert by_kind["rerun"]["events"] + 2 >= verified.rows[0]["events"] > 200
        assert by_kind.keys() >= {"view", "redecided"}


def test_an_edited_event_of_an_earlier_version_is_named_by_its_fields_of_today(tmp_path: Path) -> None:
    """Lifting hides no difference, and makes none: 0 for *none follows* is none, 9 in place of 2 is another number."""
    (path,) = [each for each in GOLDEN if each.stem == "demo"]
    assert type_in(tmp_path, "bundle", "read", str(path)).code == 0
    edit_events(tmp_path / ".stillroom/log.db", "trial.next_decided", '"counted":2', '"counted":9')
    outcome = type_in(tmp_path, "replay", "--redecide", "--rerun", "--json")
    assert outcome.code == 4
    found = {(row["field"], row["recorded"], row["decided"]) for row in outcome.rows if row["kind"] == "difference"}
    assert {each for each in found if each[0] == "counted"} == {("counted", "9", "2")}
