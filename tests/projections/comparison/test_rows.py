"""What a row says, and which rows are refused."""

from fractions import Fraction

import pytest

from projections.comparison.rows import ArmCell, RowsUnusable, score_of, tabulate
from tests.projections.comparison.sheets import HALF, row, sheet


@pytest.mark.parametrize("outcome", ["infrastructure", "stopped"])
def test_what_broke_has_no_score(outcome: str) -> None:
    """Not even if a scorer left a partial one."""
    broken = row(outcome, soft=HALF)  # type: ignore[arg-type]
    assert score_of(broken, "hard") is None
    assert score_of(broken, "soft") is None


def test_a_run_is_scored_by_one_measure() -> None:
    """Solved or not is 1 or 0; and who asks for partial scores gets no hard ones in their place."""
    assert [score_of(row("solved"), "hard"), score_of(row("unsolved"), "hard")] == [1, 0]
    assert score_of(row("unsolved", soft=HALF), "soft") == HALF
    assert score_of(row("solved"), "soft") is None


def test_a_run_that_broke_and_was_run_again_is_one_cell() -> None:
    """The first of its rows counts in cost only."""
    table = tabulate([row("infrastructure"), row("solved"), row("unsolved", repeat=2)], "hard")["none"]
    assert table.ran == {ArmCell("a", 1), ArmCell("a", 2)}
    assert table.scores == {ArmCell("a", 1): 1, ArmCell("a", 2): 0}
    assert table.means() == {"a": HALF}


def test_two_scores_of_one_cell_are_refused() -> None:
    """Nobody could say which counts."""
    with pytest.raises(RowsUnusable, match="a has two scores in repeat 1 of arm none"):
        tabulate([row("solved"), row("unsolved")], "hard")


def test_partial_scores_beyond_the_range_are_refused() -> None:
    """Every interval here rests on the range; its ends are in it."""
    tabulate([row(soft=Fraction(0)), row(soft=Fraction(1), repeat=2)], "soft")
    for soft in (Fraction(-1, 100), Fraction(101, 100)):
        with pytest.raises(RowsUnusable, match=r"outside \[0, 1\]"):
            tabulate([row(soft=soft)], "hard")


def test_repeats_are_counted_from_one() -> None:
    """A repeat 0 would be a cell of no plan."""
    with pytest.raises(RowsUnusable, match="repeat 0 of a is under 1"):
        tabulate([row(repeat=0)], "hard")


def test_a_repeat_is_complete_when_every_item_has_ended_in_it() -> None:
    """Whatever came of it; and a hole ends the count."""
    table = tabulate(sheet("none", ["11i", "0s1", "1 1"]), "hard")["none"]
    assert table.complete(["i0", "i1"]) == 3
    assert table.complete(["i0", "i1", "i2"]) == 1
    assert table.complete([]) == 0
    assert table.until(1).means() == {"i0": 1, "i1": 0, "i2": 1}
    assert table.until(1).complete(["i0", "i1"]) == 1
