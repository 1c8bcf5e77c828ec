"""Draws derive from a seed and a place: the same everywhere, for ever, and moved by nothing else."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from projections.pdi.rng import draw, pick, shuffled


@given(st.lists(st.integers()), st.integers(), st.text())
def test_a_shuffle_loses_and_adds_nothing(values: list[int], seed: int, place: str) -> None:
    """The same values, and the same order whenever it is drawn again."""
    assert Counter(shuffled(values, seed, place)) == Counter(values)
    assert shuffled(values, seed, place) == shuffled(values, seed, place)


def test_a_draw_is_the_same_on_every_machine() -> None:
    """Published figures rest on it: another derivation would move all of them."""
    assert draw(0, "values", 3) % 10**9 == 985_786_879
    assert shuffled("abcdef", 0, "here") == list("ecfadb")


def test_each_order_and_each_value_is_as_likely_as_any_other() -> None:
    """Over 6,000 seeds each of six orders comes up about 1,000 times; more than 150 off is five standard deviations."""
    orders = Counter(tuple(shuffled("abc", seed, "here")) for seed in range(6_000))
    assert len(orders) == 6
    assert all(abs(count - 1_000) < 150 for count in orders.values())
    picked = Counter(pick("abc", seed, "here") for seed in range(3_000))
    assert all(abs(count - 1_000) < 150 for count in picked.values())


def test_names_of_a_place_do_not_run_together() -> None:
    """``("a", "bc")`` is another place than ``("ab", "c")``."""
    assert draw(0, "a", "bc") != draw(0, "ab", "c")
