"""What arms cost, and when a skill has paid."""

from fractions import Fraction

from projections.comparison.costs import Payback, costs_of, payback
from projections.comparison.rows import ComparisonRow
from tests.projections.comparison.sheets import row


def runs(solved: int, unsolved: int, cost: int | None) -> list[ComparisonRow]:
    """Runs of equal cost."""
    return [row(cost=cost)] * solved + [row("unsolved", cost=cost)] * unsolved


def test_runs_without_a_score_were_paid_too() -> None:
    """They raise the cost of each solved run."""
    costs = costs_of([row(cost=30), row("unsolved", cost=20), row("infrastructure", cost=10), row("stopped", cost=5)])
    assert (costs.runs, costs.solved, costs.cost, costs.tokens) == (4, 1, 65, 400)
    assert (costs.per_solved, costs.per_run) == (Fraction(65), Fraction(65, 4))


def test_an_unknown_cost_is_not_nothing() -> None:
    """What is known is a lower bound, and no ratio is made of it."""
    costs = costs_of([row(cost=30), row(cost=20), row(cost=None, tokens=None)])
    assert (costs.cost, costs.unknown, costs.tokens, costs.uncounted) == (50, 1, 200, 1)
    assert costs.per_run is None
    assert costs.per_solved is None
    assert costs_of([]).per_run is None
    assert costs_of([row("unsolved")]).per_solved is None


def test_a_skill_pays_by_solving_more_for_the_same() -> None:
    """By hand: 20 for each solved run without it; with it a run of 10 solves 3/4, worth 15: 5 are saved each run."""
    without, with_it = costs_of(runs(2, 2, 10)), costs_of(runs(3, 1, 10))
    assert payback(100, without, with_it) == Payback("after", 20)
    assert payback(101, without, with_it) == Payback("after", 21)
    assert payback(0, without, with_it) == Payback("after", 0)


def test_a_skill_pays_by_costing_less() -> None:
    """The same share solved, in runs of 8 in place of 10."""
    assert payback(100, costs_of(runs(2, 2, 10)), costs_of(runs(2, 2, 8))) == Payback("after", 50)


def test_savings_under_one_nano_dollar_count() -> None:
    """Three of four solved at 1 a run: 4/3 for each solved one. With all four solved 1/3 is saved each run."""
    without, with_it = costs_of(runs(3, 1, 1)), costs_of(runs(4, 0, 1))
    assert payback(1, without, with_it) == Payback("after", 3)


def test_a_skill_that_saves_nothing_never_pays() -> None:
    """As dear for each solved run is not cheaper."""
    without = costs_of(runs(2, 2, 10))
    assert payback(1, without, costs_of(runs(2, 2, 10))) == Payback("never", None)
    assert payback(1, without, costs_of(runs(4, 0, 21))) == Payback("never", None)


def test_what_cannot_be_compared_is_said() -> None:
    """Nothing solved without it has no price; nothing solved with it, or an unknown cost, gives no number."""
    some, none = costs_of(runs(2, 2, 10)), costs_of(runs(0, 4, 10))
    assert payback(1, none, some) == Payback("only with it", None)
    assert payback(1, some, none) == Payback("unknown", None)
    assert payback(None, some, some) == Payback("unknown", None)
    assert payback(1, costs_of(runs(2, 2, None)), some) == Payback("unknown", None)
    assert payback(1, some, costs_of(runs(2, 2, None))) == Payback("unknown", None)
