"""A step applies as many edits as its rate says, and a model only chooses which."""

import pytest

from engine.policies.training.selection import first_items, needs_ranking, read_ranking


def test_a_model_is_asked_only_where_there_are_too_many() -> None:
    """And never where there is no limit."""
    assert [needs_ranking(items, 4) for items in (3, 4, 5)] == [False, False, True]
    assert not needs_ranking(1000, None)


@pytest.mark.parametrize(
    ("named", "chosen"),
    [
        ([5, 0, 2], (5, 0, 2)),
        ([5, 0, 2, 1], (5, 0, 2)),
        ([9, 1, 1, -1, 0], (1, 0)),
        ([6, 5], (5,)),
        (["1", 2.0, None, 3], (3,)),
        ([], None),
        ([9], None),
        (3, None),
        (None, None),
    ],
)
def test_indices_are_read_in_the_order_of_their_worth(named: object, chosen: tuple[int, ...] | None) -> None:
    """What names no item is left out; if nothing is left, nothing was read."""
    assert read_ranking({"selected_indices": named}, 6, 3) == chosen
    assert read_ranking({"selected_indices": named}, 6, 3, compatible=True) == chosen
    assert read_ranking(None, 6, 3) is None


def test_a_budget_of_nothing_applies_nothing() -> None:
    """SkillOpt looks at its budget after it has kept one (W15)."""
    assert read_ranking({"selected_indices": [2, 1]}, 6, 0) == ()
    assert read_ranking({"selected_indices": [2, 1]}, 6, 0, compatible=True) == (2,)
    assert read_ranking({"selected_indices": [2, 1]}, 6, 1) == (2,)


def test_a_truth_value_is_no_index() -> None:
    """With SkillOpt it is 1 or 0."""
    assert read_ranking({"selected_indices": [True, False]}, 6, 3) is None
    assert read_ranking({"selected_indices": [True, False]}, 6, 3, compatible=True) == (1, 0)


def test_without_a_ranking_the_first_ones_stand() -> None:
    """As many as the budget lets, in the order of the merge."""
    assert (first_items(6, 3), first_items(2, 3), first_items(6, 0)) == ((0, 1, 2), (0, 1), ())
