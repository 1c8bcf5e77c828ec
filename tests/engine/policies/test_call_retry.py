"""Stories of asking again: when, after how long, and when not any more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policies.call_retry import (
    LONGEST_IDLE_S,
    NOT_TRIED,
    CallTries,
    GiveUp,
    RetryCall,
    RetryLimits,
    judge_failure,
    spread_of,
    wait_before,
)
from events.base import Ref
from events.types.model import ModelFailed
from tests.support.outcomes import failed

BROKEN = failed("server", 500, retryable=True)
REFUSED = failed("rate_limit", 429, retryable=True)


def told(*failures: ModelFailed, retry: RetryLimits = RetryLimits(), took_s: float = 0.0) -> RetryCall | GiveUp:  # noqa: B008 - frozen
    """Rule on the last of some failures, none of which was waited after."""
    tried = NOT_TRIED
    for each in failures:
        tried = tried.plus(each, took_s, 0.0)
    return judge_failure(failures[-1], tried, retry, 0.0)


def given_up(retry: RetryLimits, *failures: ModelFailed) -> tuple[int, float]:
    """Ask until the policy gives up, the last failure coming again and again; give calls made and seconds waited."""
    tried, made, waited = NOT_TRIED, 0, 0.0
    while made < 10_000:
        failure = failures[min(made, len(failures) - 1)]
        made += 1
        tried = tried.plus(failure, waited - tried.elapsed_s if made > 1 else 0.0, 0.0)
        ruling = judge_failure(failure, tried, retry, 0.0)
        if isinstance(ruling, GiveUp):
            return made, waited
        waited += ruling.wait_s
    raise AssertionError


def test_what_passes_is_asked_again_as_often_as_the_settings_say() -> None:
    """The first call counts: two tries are one more."""
    assert given_up(RetryLimits(tries=1), BROKEN)[0] == 1
    assert given_up(RetryLimits(tries=2), BROKEN)[0] == 2
    assert given_up(RetryLimits(tries=5), BROKEN)[0] == 5


def test_what_will_not_pass_is_asked_once() -> None:
    """Asking again costs time, and sometimes money."""
    assert isinstance(told(failed("bad_request", 400)), GiveUp)
    assert isinstance(told(failed("rate_limit", 429)), GiveUp), "the credit is used up"


def test_being_refused_for_too_many_calls_is_no_try() -> None:
    """While a provider wants fewer calls the pool slows down; a storm longer than a few calls is no failure."""
    assert isinstance(told(*[REFUSED] * 9, BROKEN, *[REFUSED] * 9, retry=RetryLimits(tries=2)), RetryCall)
    assert isinstance(told(BROKEN, REFUSED, REFUSED, BROKEN, retry=RetryLimits(tries=2)), GiveUp)


def test_without_a_bound_in_time_refusals_are_tries() -> None:
    """Something must end it; and where nothing is to be repeated, nothing is."""
    assert given_up(RetryLimits(tries=3, budget_s=None), REFUSED)[0] == 3
    assert given_up(RetryLimits(tries=1), REFUSED)[0] == 1


def test_refusals_without_end_end_with_the_time_there_is() -> None:
    """What counts is how long it has waited, and not how often it asked."""
    made, waited = given_up(RetryLimits(tries=2, budget_s=300.0), REFUSED)
    assert made > 5
    assert 240 < waited <= 300


def test_a_wait_beyond_the_budget_is_not_begun_and_one_that_just_fits_is() -> None:
    """Come back tomorrow: the failure says so, and a person decides."""
    retry = RetryLimits(budget_s=60.0)
    assert told(failed("rate_limit", 429, retryable=True, retry_after_s=60.0), retry=retry) == RetryCall(60.0)
    late = failed("rate_limit", 429, retryable=True, retry_after_s=60.000001)
    assert told(late, retry=retry) == GiveUp("no further call is begun after 60 s")
    assert isinstance(
        told(failed("rate_limit", 429, retryable=True, retry_after_s=59.0), retry=retry, took_s=1.5), GiveUp
    )


def test_time_spent_waiting_for_a_place_is_patience_but_a_pause_is_not() -> None:
    """A pool that lets nobody in for minutes uses the time up; a run that was paused for an hour loses a minute."""
    tried = CallTries(1, 1, 10.0)
    assert tried.plus(REFUSED, 1.0, 30.0).elapsed_s == 41.0
    assert tried.plus(REFUSED, 1.0, 3600.0).elapsed_s == 11.0 + LONGEST_IDLE_S


@given(st.floats(0, 3600), st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_never_earlier_than_the_provider_asked(asked: float, made: int, spread: float) -> None:
    """And at most one first wait later, which keeps callers apart. Times are whole microseconds."""
    waits = wait_before(RetryLimits(), made, asked, spread)
    assert asked - 1e-6 <= waits <= asked + RetryLimits().first_wait_s + 1e-6


def test_waits_double_up_to_the_longest() -> None:
    """Half of each is fixed and half is spread."""
    retry = RetryLimits(first_wait_s=1.0, longest_wait_s=8.0)
    assert [wait_before(retry, made, None, 0.0) for made in range(1, 7)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    assert wait_before(retry, 1, None, 0.5) == 0.75
    assert wait_before(retry, 10_000, None, 0.0) == 4.0


def test_callers_refused_together_do_not_come_back_together() -> None:
    """The spread is drawn from the place of the failure, so it needs no dice and is the same again tomorrow."""
    places = [Ref(f"attempt/task.{number}/1", 7) for number in range(1000)]
    spreads = [spread_of(place) for place in places]
    assert spreads == [spread_of(place) for place in places]
    assert all(0 <= spread < 1 for spread in spreads)
    assert all(60 < sum(low <= 10 * spread < low + 1 for spread in spreads) < 140 for low in range(10))
    assert spread_of(places[0]) != spread_of(Ref(places[0].stream, 9))


@pytest.mark.parametrize("asked", [0.0, 7.0])
def test_a_wish_of_the_provider_comes_before_the_doubling(asked: float) -> None:
    """However often it was asked before."""
    wish = failed("rate_limit", 429, retryable=True, retry_after_s=asked)
    assert told(*[REFUSED] * 20, wish) == RetryCall(asked)
