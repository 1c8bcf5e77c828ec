"""What a slow update learns from: items under two skills, where both were scored."""

from typing import NamedTuple

import pytest

from engine.policies.training.errors import SettingUnknown
from engine.policies.training.pairs import PairPolicy, filter_pairs, pair_category


@pytest.mark.parametrize(
    ("before", "now", "category"),
    [
        (0, 1, "improved"),
        (1, 0, "regressed"),
        (0, 0, "persistent_fail"),
        (1, 1, "stable_success"),
        (True, False, "regressed"),
    ],
)
def test_a_pair_has_one_of_four_categories(before: float, now: float, category: str) -> None:
    """By what was solved before and is now."""
    assert pair_category(before, now) == pair_category(before, now, compatible=True) == category


def test_what_broke_is_no_failure() -> None:
    """SkillOpt takes an item without a score for one that failed, and a partial one for a success."""
    assert pair_category(None, 1) is pair_category(1, None) is None
    assert pair_category(None, 1, compatible=True) == "improved"
    assert pair_category(1, None, compatible=True) == "regressed"
    assert pair_category(0.3, 1) == "improved"
    assert pair_category(0.3, 1, compatible=True) == "stable_success"


class _Pair(NamedTuple):
    item: str
    category: str


PAIRS = (
    _Pair("1", "regressed"),
    _Pair("2", "improved"),
    _Pair("3", "persistent_fail"),
    _Pair("4", "stable_success"),
)


@pytest.mark.parametrize(("policy", "kept"), [("mixed", "1234"), ("changed", "12"), ("unchanged", "34")])
def test_pairs_are_kept_by_policy(policy: PairPolicy, kept: str) -> None:
    """In their order."""
    assert "".join(pair.item for pair in filter_pairs(PAIRS, policy)) == kept


def test_a_policy_that_does_not_exist_is_refused() -> None:
    """By the names of those that do."""
    with pytest.raises(SettingUnknown, match="'some'"):
        filter_pairs(PAIRS, "some")  # type: ignore[arg-type]  # what a file may hold
