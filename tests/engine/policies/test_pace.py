"""Stories of how many calls a provider is given at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.policies import pace
from engine.policies.pace import Answer, Bounds, Pace, Refusal
from engine.protocols.allowance import Allowance, Left

BOUNDS = Bounds(start=8, least=1, most=100)


def rounds(given_: Pace, count: int, *, now: float = 1000.0) -> Pace:
    """Let so many rounds of answers come, each to as many calls as there may be."""
    for number in range(count):
        for _ in range(given_.whole):
            given_ = pace.after_answer(given_, Answer(now + number, now + number + 0.5, full=True))
    return given_


def test_it_starts_low_and_doubles_while_nothing_is_refused() -> None:
    """Nobody wants to tune a number by hand; eight calls become sixty-four in three rounds."""
    begun = pace.opening(BOUNDS)
    assert begun.whole == 8
    assert rounds(begun, 3).whole == 64
    assert rounds(begun, 9).whole == 100


def test_an_answer_while_places_are_free_says_nothing() -> None:
    """Two calls at a time that are answered well do not show that a hundred would be."""
    after = pace.after_answer(pace.opening(BOUNDS), Answer(0, 1, full=False))
    assert after.whole == 8


def test_a_storm_of_refusals_halves_once() -> None:
    """Sixty-four calls went out together, and all come back refused: that is one fact, not sixty-four."""
    after = rounds(pace.opening(BOUNDS), 3)
    for number in range(64):
        after = pace.after_refusal(after, Refusal(began=2000.0, now=2001.0 + number / 1000))
    assert after.whole == 32
    assert after.strikes == 1


def test_a_refusal_while_nothing_is_answered_only_makes_the_wait_longer() -> None:
    """An endpoint that is down says nothing about how many calls it bears when it is up."""
    after = rounds(pace.opening(BOUNDS), 3)
    waits = []
    for _ in range(5):
        now = max(after.opens_at, 2000.0)
        after = pace.after_refusal(after, Refusal(began=now, now=now))
        waits.append(after.shut_until - now)
    assert after.whole == 32
    assert waits == [0.0, 0.25, 0.5, 1.0, 2.0]


def test_what_the_provider_asks_to_wait_is_waited() -> None:
    """Retry-After holds for all calls, those included that were under way when the limit was cut."""
    after = pace.after_refusal(pace.opening(BOUNDS), Refusal(0.0, 10.0, retry_after_s=7.0))
    assert not pace.may_begin(after, 0, 16.9)
    assert pace.may_begin(after, 0, 17.0)
    later = pace.after_refusal(after, Refusal(9.0, 11.0, retry_after_s=20.0))
    assert (later.shut_until, later.strikes) == (31.0, 1)


def test_after_the_wait_one_call_goes_after_the_other_until_one_is_answered() -> None:
    """A thousand that waited together do not come back together."""
    after = pace.after_refusal(rounds(pace.opening(BOUNDS), 3), Refusal(2000.0, 2000.0, retry_after_s=5.0))
    probing = pace.after_beginning(after, 2005.0)
    assert not pace.may_begin(probing, 1, 2005.05)
    assert pace.may_begin(probing, 1, 2005.1)
    well = pace.after_answer(probing, Answer(2005.0, 2005.02, full=False))
    assert pace.may_begin(well, 31, 2005.02)
    assert not pace.may_begin(well, 32, 2005.02)


def test_where_only_some_are_refused_the_others_go_on() -> None:
    """An answer to a call that began before the cut lets the next one begin, but not while a wait was asked for."""
    full = pace.opening(Bounds(64, 1, 1000))
    cut = pace.after_beginning(pace.after_refusal(full, Refusal(10.0, 10.0)), 10.0)
    assert not pace.may_begin(cut, 30, 10.01)
    assert pace.may_begin(pace.after_answer(cut, Answer(9.9, 10.01, full=True)), 30, 10.01)
    asked = pace.after_refusal(full, Refusal(10.0, 10.0, retry_after_s=1.0))
    assert not pace.may_begin(pace.after_answer(asked, Answer(9.9, 10.01, full=True)), 30, 10.01)


def test_eight_rounds_lead_from_half_a_limit_back_to_all_of_it() -> None:
    """Recovery does not take longer the more there is to recover."""
    for most in (16, 128, 1024):
        full = pace.opening(Bounds(most, 1, 4 * most))
        cut = pace.after_refusal(full, Refusal(0, 0))
        assert cut.whole == most // 2
        assert rounds(cut, 8).limit / most == pytest.approx(1, abs=0.1)


def test_where_less_is_borne_than_before_the_target_comes_down() -> None:
    """Half the way to a limit of another time would be refused again and again."""
    first = pace.after_refusal(pace.opening(Bounds(64, 1, 1000)), Refusal(0, 0))
    grown = rounds(first, 1)
    again = pace.after_refusal(grown, Refusal(2000.0, 2000.0))
    assert first.target == 64
    assert again.target is not None
    assert again.limit < again.target < grown.limit < 64


def test_other_bounds_hold_from_now_on() -> None:
    """A person who lowers the limit of a run means the calls that begin next."""
    assert pace.within(pace.opening(BOUNDS), Bounds(1, 1, 3)).whole == 3
    assert pace.within(pace.opening(BOUNDS), Bounds(1, 20, 50)).whole == 20


def test_little_left_of_a_minute_spaces_calls_out_before_anything_is_refused() -> None:
    """500 requests a minute of which 4 are left, all back in 59.52 s: one each 120 ms may go on for ever."""
    left = Allowance(requests=Left(4, 500, 59.52))
    after = pace.after_answer(pace.opening(BOUNDS), Answer(0, 100.0, full=True, left=left))
    assert round(after.gap_s, 6) == 0.12
    begun = pace.after_beginning(after, 100.2)
    assert not pace.may_begin(begun, 0, 100.3)
    assert pace.may_begin(begun, 0, 100.33)
    enough = pace.after_answer(begun, Answer(100.4, 101.0, full=True, left=Allowance(requests=Left(400, 500, 12.0))))
    assert enough.gap_s == 0


def test_tokens_are_counted_in_calls_of_the_usual_size() -> None:
    """10,000 tokens are plenty for eight calls of 100 tokens, and too few for eight of 5,000."""
    left = Allowance(tokens=Left(10_000, 60_000, 50.0))
    small = pace.after_answer(pace.opening(BOUNDS), Answer(0, 1, full=True, tokens=100, left=left))
    large = pace.after_answer(pace.opening(BOUNDS), Answer(0, 1, full=True, tokens=5000, left=left))
    assert small.gap_s == 0
    assert large.gap_s == 5.0


ANSWERS = some.builds(
    Answer,
    began=some.floats(0, 100),
    now=some.floats(0, 100),
    full=some.booleans(),
    tokens=some.none() | some.integers(0, 10**6),
    left=some.builds(
        Allowance,
        requests=some.none() | some.builds(Left, some.floats(0, 1e4), some.none() | some.floats(0, 1e4)),
        tokens=some.none() | some.builds(Left, some.floats(0, 1e6), some.none() | some.just(1e6), some.floats(0, 600)),
    ),
)
REFUSALS = some.builds(
    Refusal, began=some.floats(0, 100), now=some.floats(0, 100), retry_after_s=some.none() | some.floats(0, 1e9)
)


@given(some.lists(ANSWERS | REFUSALS, max_size=60))
def test_whatever_a_provider_says_it_is_called_again(said: list[Answer | Refusal]) -> None:
    """The limit stays within its bounds, and the wait is finite: a controller must not freeze."""
    now = pace.opening(BOUNDS)
    for each in said:
        now = pace.after_answer(now, each) if isinstance(each, Answer) else pace.after_refusal(now, each)
        now = pace.after_beginning(now, each.now)
        assert BOUNDS.least <= now.whole <= BOUNDS.most
    assert pace.may_begin(now, 0, 100 + 2 * pace.LONGEST_ASKED_S + 60 * pace.LONGEST_WAIT_S)
