"""The forest plot: one scale for all arms, on which 0 and every interval have a place."""

from typing import Any, Final

from views.evaluations.comparison import ArmRow
from views.evaluations.forest import HEAD, ROW, WIDTH, forest

UNSAID: Final = """score score_low score_high reason trigger false_trigger attempts cost_nano_usd cost_per_run_nano_usd
cost_per_solved_nano_usd tokens decisions making_nano_usd"""


def arm(name: str, difference: float | None = None, low: float | None = None, high: float | None = None) -> ArmRow:
    """An arm beside its baseline."""
    unsaid: dict[str, Any] = dict.fromkeys(UNSAID.split())
    empty: dict[str, Any] = dict.fromkeys(["sets", "made_by", "only_here", "changed", "lacking"], ())
    counts: dict[str, Any] = dict.fromkeys(["planned", "scored", "reused", "read", "unread", "exposure_unknown"], 0)
    return ArmRow(
        run="run",
        arm=name,
        baseline=difference is None,
        difference=difference,
        low=low,
        high=high,
        **unsaid,
        **empty,
        **counts,
    )


def test_all_arms_share_a_scale_that_holds_zero_and_all_intervals() -> None:
    """Given a gain with its interval, the scale begins at a round number below 0 and ends above the interval."""
    plot = forest([arm("none"), arm("skill", 0.25, 0.05, 0.45), arm("other", 0.1)], 0.1)
    assert plot is not None
    assert [tick.text for tick in plot.ticks] == ["-10", "+0", "+10", "+20", "+30", "+40", "+50"]
    assert (plot.ticks[0].x, plot.ticks[-1].x, plot.zero) == (0, WIDTH, round(WIDTH / 6, 2))
    assert plot.band == (0, round(WIDTH / 3, 2))
    skill, other = plot.arms
    assert (skill.row.arm, skill.x, skill.ends) == (
        "skill",
        round(WIDTH * 3.5 / 6, 2),
        (85.0, round(WIDTH * 5.5 / 6, 2)),
    )
    assert (other.ends, other.y - skill.y) == (None, ROW)
    assert plot.height == HEAD + 2 * ROW


def test_a_loss_and_no_change_have_their_places_too() -> None:
    """Ends of the whole range are drawn, and so is a single 0."""
    plot = forest([arm("skill", -1.0, -1.0, 1.0)])
    assert plot is not None
    assert (plot.ticks[0].text, plot.ticks[-1].text, plot.arms[0].ends) == ("-100", "+100", (0, WIDTH))
    assert plot.band is None
    still = forest([arm("skill", 0.0)])
    assert still is not None
    assert (still.arms[0].x, still.zero) == (0, 0)


def test_a_scale_has_few_marks() -> None:
    """Given ends that seven steps would span, the next larger step is taken, and the scale ends beyond both."""
    plot = forest([arm("skill", 0.0, -0.75, 1.0)])
    assert plot is not None
    assert [tick.text for tick in plot.ticks] == ["-100", "-50", "+0", "+50", "+100"]


def test_without_a_difference_there_is_no_plot() -> None:
    """A baseline alone shows nothing, and neither does an arm without a score."""
    assert forest([arm("none")]) is None
