"""Stories of triggers: skills read where they belong, and where they do not, counted by cells."""

from collections.abc import Mapping
from fractions import Fraction

import pytest

from projections.exposure import Exposure, read_of
from projections.triggers import ExposedCell, TriggerCount, trigger_counts


def exposed(skills: Mapping[str, Exposure], *other: str) -> ExposedCell:
    """Say what a cell read, and which of its skills do not belong to its item."""
    return ExposedCell(skills, frozenset(other))


def test_a_cell_counts_once_for_skills_that_belong_and_once_for_those_that_do_not() -> None:
    """Given two beside the one that is measured, one that was read is a false trigger, and a read one beats unknown."""
    found = trigger_counts(
        [
            exposed({"word": "yes", "noise": "no", "hum": "no"}, "noise", "hum"),
            exposed({"word": "no", "noise": "yes", "hum": "unknown"}, "noise", "hum"),
            exposed({"word": "unknown", "noise": "unknown", "hum": "no"}, "noise", "hum"),
            exposed({"word": "yes"}, "word"),
            exposed({}),
        ]
    )
    assert found.own == TriggerCount(read=1, unread=1, unknown=1)
    assert found.other == TriggerCount(read=2, unread=1, unknown=1)


def test_there_is_a_share_only_where_everything_is_known() -> None:
    """Of what nobody can know, no rate is made."""
    assert TriggerCount(1, 3).share == Fraction(1, 4)
    assert TriggerCount(0, 3).share == 0
    assert TriggerCount(1, 3, 1).share is None
    assert TriggerCount().share is None
    assert TriggerCount(1, 3, 1).given == 5


@pytest.mark.parametrize(
    ("said", "expected"),
    [([], None), (["no"], "no"), (["no", "unknown"], "unknown"), (["unknown", "no", "yes"], "yes")],
)
def test_what_was_read_once_was_read(said: list[Exposure], expected: Exposure | None) -> None:
    """Over skills of a kind, and over attempts."""
    assert read_of(said) == expected
