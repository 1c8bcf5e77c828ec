"""When a score is dead."""

from fractions import Fraction

from projections.comparison.signal import dead_signal
from tests.projections.comparison.sheets import HALF, row, sheet


def test_a_constant_score_stops_the_budget() -> None:
    """Ten items under each arm that ran; nine are not enough, one other score brings it to life."""
    assert dead_signal(sheet("none", ["0"] * 10)) == 0
    assert dead_signal(sheet("none", ["1"] * 10)) == 1
    assert dead_signal(sheet("none", ["0"] * 9)) is None
    assert dead_signal(sheet("none", ["0"] * 9), least=9) == 0
    assert dead_signal(sheet("none", ["0"] * 9 + ["1"])) is None
    assert dead_signal([]) is None


def test_every_arm_that_ran_needs_items_enough() -> None:
    """Repeats of few items do not count as items."""
    assert dead_signal(sheet("none", ["0"] * 10) + sheet("skill", ["0" * 9] * 2)) is None
    assert dead_signal(sheet("none", ["0"] * 10) + sheet("skill", ["0"] * 10)) == 0
    assert dead_signal(sheet("none", ["0"] * 10) + sheet("skill", ["1"] * 10)) is None


def test_what_broke_is_no_score() -> None:
    """Ten runs that broke are no constant, and do not hide one."""
    assert dead_signal(sheet("none", ["i"] * 10)) is None
    assert dead_signal(sheet("none", ["0"] * 10 + ["i", "s"])) == 0


def test_it_is_asked_of_the_score_that_decides() -> None:
    """Nothing solved, but partial scores that move, is a signal by these."""
    rows = [row("unsolved", item=str(at), soft=HALF if at else Fraction(0)) for at in range(10)]
    assert dead_signal(rows) == 0
    assert dead_signal(rows, "soft") is None
