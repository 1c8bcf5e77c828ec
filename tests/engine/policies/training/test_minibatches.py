"""Failures and successes are learnt from apart, and each row belongs to one of them."""

from typing import NamedTuple

import pytest

from engine.policies.training.minibatches import MinibatchRule, failed, split_rows


class _Row(NamedTuple):
    item: str
    hard: float


ROWS = tuple(_Row(f"i{each}", each % 2) for each in range(10))


def test_rows_are_cut_into_minibatches_of_their_kind() -> None:
    """In an order that the batch's seed decides, whatever was done first (W25)."""
    found = split_rows(MinibatchRule(size=3), ROWS, 7)
    assert [len(part) for part in found.failures] == [3, 2]
    assert {row.hard for part in found.failures for row in part} == {0}
    assert {row.hard for part in found.successes for row in part} == {1}
    assert split_rows(MinibatchRule(size=3), ROWS, 8) != found
    assert split_rows(MinibatchRule(size=5), ROWS, None).failures == (ROWS[::2],)


def test_successes_may_be_left_out() -> None:
    """Then nothing is reinforced."""
    assert split_rows(MinibatchRule(failure_only=True), ROWS, 7).successes == ()


@pytest.mark.parametrize(
    ("hard", "ours", "theirs"),
    [(0, "f", "f"), (0.3, "f", "s"), (1, "s", "s"), (True, "s", "s"), (1e-12, "f", "fs"), (1e-9, "f", "s")],
)
def test_what_is_not_solved_whole_is_a_failure(hard: float, ours: str, theirs: str) -> None:
    """SkillOpt shows a partial reward to the reflection on successes alone (W24)."""
    for compatible, expected in ((False, ours), (True, theirs)):
        found = split_rows(MinibatchRule(compatible=compatible), (_Row("i", hard),), 1)
        assert "f" * len(found.failures) + "s" * len(found.successes) == expected
        assert failed(_Row("i", hard), compatible=compatible) is ("f" in expected)


def test_compatible_orders_are_those_of_the_published_runs() -> None:
    """Successes are shuffled by the seed after that of failures."""
    rows = tuple(_Row(f"i{each}", hard) for hard in (0, 1) for each in range(10))
    found = split_rows(MinibatchRule(size=10, compatible=True), rows, 1043)
    assert [row.item for row in found.failures[0]] == [f"i{each}" for each in (6, 2, 4, 0, 7, 1, 3, 8, 5, 9)]
    again = split_rows(MinibatchRule(size=10, compatible=True), rows, 1042)
    assert [row.item for row in again.successes[0]] == [row.item for row in found.failures[0]]
    ours = split_rows(MinibatchRule(size=10), rows, 1043)
    assert [row.item for row in ours.failures[0]] != [row.item for row in ours.successes[0]]
