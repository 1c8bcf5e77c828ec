"""What a physical call is counted at: its stated cost, else its bound, else nothing where none can have arisen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.types.model import TryMade
from events.values import Usage
from projections.charges import (
    BELIEVED,
    MOST_COST,
    MOST_TOKENS,
    charge,
    is_unknown,
    known_cost,
    known_usage,
    may_have_cost,
)
from tests.support.outcomes import answered, failed

BOUND = 1000


@pytest.mark.parametrize(
    ("kind", "status", "counted"),
    [
        ("authentication", 401, 0),
        ("authentication", 403, 0),
        ("bad_request", 400, 0),
        ("bad_request", 404, 0),
        ("context_length", 400, 0),
        ("endpoint", None, 0),
        ("rate_limit", 402, 0),
        ("rate_limit", 429, 0),
        ("rate_limit", 200, 0),
        ("server", 501, 0),
        ("server", 503, 0),
        ("server", 529, 0),
        ("server", 500, BOUND),
        ("server", 502, BOUND),
        ("server", 504, BOUND),
        ("server", 200, BOUND),
        ("refusal", 200, BOUND),
        ("refusal", 400, BOUND),
        ("malformed", 200, BOUND),
        ("timeout", None, BOUND),
        ("timeout", 408, BOUND),
        ("network", None, BOUND),
    ],
)
def test_a_failure_counts_at_its_bound_where_the_work_may_have_been_done(
    kind: str, status: int | None, counted: int
) -> None:
    """Turned away costs nothing; half done may cost it all. What is stated counts as it is stated, for every kind."""
    assert charge(failed(kind, status), BOUND) == counted
    assert is_unknown(failed(kind, status)) == (counted > 0)
    assert charge(failed(kind, status, cost=7), BOUND) == 7
    assert charge(failed(kind, status, cost=0), BOUND) == 0
    assert charge(failed(kind, status, cost=MOST_COST + 1), BOUND) == BOUND


@pytest.mark.parametrize("kind", ["timeout", "network"])
def test_a_request_that_never_left_costs_nothing(kind: str) -> None:
    """No connection was made. Where that is not recorded, it may have left."""
    assert not may_have_cost(kind, None, sent=False)
    assert may_have_cost(kind, None, sent=None)
    assert may_have_cost(kind, None, sent=True)


def test_an_answer_counts_at_its_cost_or_at_its_bound() -> None:
    """Unknown is never nothing."""
    assert charge(answered(0), BOUND) == 0
    assert charge(answered(5), BOUND) == 5
    assert charge(answered(None), BOUND) == BOUND
    assert is_unknown(answered(None))


def test_each_try_that_older_versions_recorded_with_an_outcome_counts_too() -> None:
    """Two of these three may have been paid for; the one that was turned away was not."""
    earlier = [TryMade(None, "timeout", 1.0), TryMade(429, "rate_limit", 1.0), TryMade(200, "malformed", 1.0)]
    assert charge(answered(5, earlier=earlier), BOUND) == 5 + 2 * BOUND
    assert charge(failed("authentication", 401, earlier=earlier), BOUND) == 2 * BOUND


def test_a_figure_is_believed_up_to_a_line() -> None:
    """Ten times its bound, and a thousand dollars; where nobody bounded it, or the price is 0, only the latter."""
    assert known_cost(BELIEVED * BOUND, BOUND) == BELIEVED * BOUND
    assert known_cost(BELIEVED * BOUND + 1, BOUND) is None
    assert (known_cost(MOST_COST), known_cost(MOST_COST, 0)) == (MOST_COST, MOST_COST)
    assert (known_cost(MOST_COST + 1), known_cost(MOST_COST, MOST_COST // BELIEVED - 1)) == (None, None)
    assert (known_cost(-1), known_cost(0), known_cost(None)) == (None, 0, None)


def test_a_count_of_tokens_is_believed_up_to_a_line() -> None:
    """Each by itself: one odd figure does not take the others with it."""
    usage = Usage(MOST_TOKENS, MOST_TOKENS + 1, -1, 0)
    assert known_usage(usage) == Usage(MOST_TOKENS, None, None, 0)


@given(st.integers(min_value=-(10**400), max_value=10**400) | st.none(), st.integers(0, 10**12))
def test_whatever_is_stated_the_charge_is_an_amount_of_money(cost: int | None, bound: int) -> None:
    """Never below nothing, never beyond what a column of a database holds."""
    for outcome in (answered(cost), failed("malformed", 200, cost=cost), failed("rate_limit", 429, cost=cost)):
        assert 0 <= charge(outcome, bound) <= max(MOST_COST, bound)
