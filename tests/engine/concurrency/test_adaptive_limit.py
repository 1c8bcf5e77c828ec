"""Stories of how many calls a provider is given at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.concurrency import adaptive_limit
from engine.concurrency.adaptive_limit import AnsweredCall, Bounds, LimitState, RefusedCall
from engine.protocols.allowance import RateLimit, RateLimitHeaders

BOUNDS = Bounds(start=8, least=1, most=100)


def rounds(given_: LimitState, count: int, *, now: float = 1000.0) -> LimitState:
    """Let so many rounds of answers come, each to as many calls as there may be."""
    for number in range(count):
        for _ in range(given_.whole):
            given_ = adaptive_limit.after_answer(given_, AnsweredCall(now + number, now + number + 0.5, full=True))
    return given_


def test_it_starts_low_and_doubles_while_nothing_is_refused() -> None:
    """Nobody wants to tune a number by hand; eight calls become sixty-four in three rounds."""
    begun = adaptive_limit.opening(BOUNDS)
    assert begun.whole == 8
    assert rounds(begun, 3).whole == 64
    assert rounds(begun, 9).whole == 100


def test_while_all_places_are_taken_and_nobody_was_refused_more_begin_with_time() -> None:
    """Providers refuse at once and answer after seconds: eight calls that are silent for so long let others begin."""
    full = adaptive_limit.opening(BOUNDS)
    assert adaptive_limit.opens_at(full, 7) == float("-inf")
    for running in range(8):
        full = adaptive_limit.after_beginning(full, running, 10.0)
    assert adaptive_limit.opens_at(full, 8) == pytest.approx(10.0 - adaptive_limit.LATE_S + adaptive_limit.QUIET_S / 8)
    now, running = 10.0, 8
    while running < 100:
        now = max(now, adaptive_limit.opens_at(full, running))
        full = adaptive_limit.after_beginning(full, running, now)
        running += 1
    assert full.whole == 100
    assert adaptive_limit.opens_at(adaptive_limit.within(full, Bounds(8, 1, 50)), 100) == float("inf")
    assert now - 10.0 == pytest.approx(adaptive_limit.QUIET_S * 2.5 - adaptive_limit.LATE_S, abs=0.05)
    assert adaptive_limit.opens_at(full, 100) == float("inf")


def test_a_refusal_ends_growth_with_time_for_good_and_so_do_fixed_bounds_and_little_left() -> None:
    """From then on it is answers that say how many are borne."""
    refused = adaptive_limit.after_refusal(adaptive_limit.opening(BOUNDS), RefusedCall(0.0, 0.0))
    fixed = adaptive_limit.opening(Bounds(8, 8, 8))
    low = adaptive_limit.opening(BOUNDS)._replace(gap_s=0.1)
    for pace in (refused, fixed, low):
        assert adaptive_limit.opens_at(pace, 8) == float("inf")
        assert adaptive_limit.after_beginning(pace, 8, 5.0).limit == pace.limit


def test_an_answer_while_places_are_free_says_nothing() -> None:
    """Two calls at a time that are answered well do not show that a hundred would be."""
    after = adaptive_limit.after_answer(adaptive_limit.opening(BOUNDS), AnsweredCall(0, 1, full=False))
    assert after.whole == 8


def test_a_storm_of_refusals_halves_once() -> None:
    """Sixty-four calls went out together, and all come back refused: that is one fact, not sixty-four."""
    after = rounds(adaptive_limit.opening(BOUNDS), 3)
    for number in range(64):
        after = adaptive_limit.after_refusal(after, RefusedCall(began=2000.0, now=2001.0 + number / 1000))
    assert after.whole == 32
    assert after.strikes == 1


def test_a_second_refusal_halves_and_further_ones_only_make_the_wait_longer() -> None:
    """An endpoint that is down says nothing about how many calls it bears when it is up."""
    after = rounds(adaptive_limit.opening(BOUNDS), 3)
    waits = []
    for _ in range(5):
        now = max(after.opens_at, 2000.0)
        after = adaptive_limit.after_refusal(after, RefusedCall(began=now, now=now))
        waits.append(after.shut_until - now)
    assert (after.whole, after.target) == (31, None)
    assert waits == [0.0, 0.25, 0.5, 0.5, 0.5]


def test_what_the_provider_asks_to_wait_is_waited() -> None:
    """Retry-After holds for all calls, those included that were under way when the limit was cut."""
    after = adaptive_limit.after_refusal(adaptive_limit.opening(BOUNDS), RefusedCall(0.0, 10.0, retry_after_s=7.0))
    assert not adaptive_limit.may_begin(after, 0, 16.9)
    assert adaptive_limit.may_begin(after, 0, 17.0)
    later = adaptive_limit.after_refusal(after, RefusedCall(9.0, 11.0, retry_after_s=20.0))
    assert (later.shut_until, later.strikes) == (31.0, 1)


def test_after_the_wait_one_call_goes_after_the_other_until_one_is_answered() -> None:
    """A thousand that waited together do not come back together."""
    after = adaptive_limit.after_refusal(
        rounds(adaptive_limit.opening(BOUNDS), 3), RefusedCall(2000.0, 2000.0, retry_after_s=5.0)
    )
    probing = adaptive_limit.after_beginning(after, 0, 2005.0)
    assert not adaptive_limit.may_begin(probing, 1, 2005.05)
    assert adaptive_limit.may_begin(probing, 1, 2005.1)
    well = adaptive_limit.after_answer(probing, AnsweredCall(2005.0, 2005.02, full=False))
    assert adaptive_limit.may_begin(well, 61, 2005.02)
    assert not adaptive_limit.may_begin(well, 62, 2005.02)


def test_where_only_some_are_refused_the_others_go_on() -> None:
    """An answer to a call that began before the cut lets the next one begin, but not while a wait was asked for."""
    full = adaptive_limit.opening(Bounds(64, 1, 1000))
    cut = adaptive_limit.after_beginning(adaptive_limit.after_refusal(full, RefusedCall(10.0, 10.0)), 29, 10.0)
    assert not adaptive_limit.may_begin(cut, 30, 10.01)
    assert adaptive_limit.may_begin(adaptive_limit.after_answer(cut, AnsweredCall(9.9, 10.01, full=True)), 30, 10.01)
    asked = adaptive_limit.after_refusal(full, RefusedCall(10.0, 10.0, retry_after_s=1.0))
    assert not adaptive_limit.may_begin(
        adaptive_limit.after_answer(asked, AnsweredCall(9.9, 10.01, full=True)), 30, 10.01
    )


def test_eight_rounds_lead_from_half_a_limit_back_to_all_of_it() -> None:
    """Recovery does not take longer the more there is to recover."""
    for most in (16, 128, 1024):
        cut = adaptive_limit.opening(Bounds(most // 2, 1, 4 * most))._replace(target=float(most))
        assert rounds(cut, 8).limit / most == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("limit", "left"), [(9.0, 7.0), (64.0, 62.0), (96.0, 93.0), (320.0, 310.0), (3.0, 1.5)])
def test_one_refusal_costs_a_thirty_second_and_two_places_at_the_least(limit: float, left: float) -> None:
    """A provider that refuses the last call bears the others; half is never taken for one refusal."""
    after = adaptive_limit.after_refusal(
        adaptive_limit.opening(Bounds(8, 1, 1000))._replace(limit=limit), RefusedCall(0, 0)
    )
    assert (after.limit, after.target) == (left, limit)


def test_a_storm_costs_as_many_places_as_it_refuses() -> None:
    """A hundred went out, and ten came back refused: ninety are borne, and that is where growth leads back to."""
    after = adaptive_limit.opening(Bounds(100, 1, 1000))
    for number in range(10):
        after = adaptive_limit.after_refusal(after, RefusedCall(began=1.0, now=2.0 + number / 1000))
    assert (after.whole, after.target, after.strikes) == (87, 91, 1)


def test_after_an_outage_the_limit_doubles_again_whatever_was_borne_before() -> None:
    """Half the way to a limit of another time would be refused again and again, or never be left behind."""
    down = adaptive_limit.after_refusal(adaptive_limit.opening(Bounds(64, 1, 1000)), RefusedCall(0, 0))
    down = adaptive_limit.after_refusal(down, RefusedCall(1.0, 1.0))
    assert (down.whole, rounds(down, 1).whole, rounds(down, 3).whole) == (31, 62, 248)


def test_other_bounds_hold_from_now_on() -> None:
    """A person who lowers the limit of a run means the calls that begin next."""
    assert adaptive_limit.within(adaptive_limit.opening(BOUNDS), Bounds(1, 1, 3)).whole == 3
    assert adaptive_limit.within(adaptive_limit.opening(BOUNDS), Bounds(1, 20, 50)).whole == 20


def test_little_left_of_a_minute_spaces_calls_out_before_anything_is_refused() -> None:
    """500 requests a minute of which 4 are left, all back in 59.52 s: one each 120 ms may go on for ever."""
    left = RateLimitHeaders(requests=RateLimit(4, 500, 59.52))
    after = adaptive_limit.after_answer(adaptive_limit.opening(BOUNDS), AnsweredCall(0, 100.0, full=True, left=left))
    assert round(after.gap_s, 6) == 0.12
    begun = adaptive_limit.after_beginning(after, 0, 100.2)
    assert not adaptive_limit.may_begin(begun, 0, 100.3)
    assert adaptive_limit.may_begin(begun, 0, 100.33)
    enough = adaptive_limit.after_answer(
        begun, AnsweredCall(100.4, 101.0, full=True, left=RateLimitHeaders(requests=RateLimit(400, 500, 12.0)))
    )
    assert enough.gap_s == 0


def test_tokens_are_counted_in_calls_of_the_usual_size() -> None:
    """10,000 tokens are plenty for eight calls of 100 tokens, and too few for eight of 5,000."""
    left = RateLimitHeaders(tokens=RateLimit(10_000, 60_000, 50.0))
    small = adaptive_limit.after_answer(
        adaptive_limit.opening(BOUNDS), AnsweredCall(0, 1, full=True, tokens=100, left=left)
    )
    large = adaptive_limit.after_answer(
        adaptive_limit.opening(BOUNDS), AnsweredCall(0, 1, full=True, tokens=5000, left=left)
    )
    assert small.gap_s == 0
    assert large.gap_s == 5.0


def test_the_size_of_a_call_is_a_mean_that_moves_by_an_eighth() -> None:
    """One long answer does not make all calls long; what was not counted moves nothing."""
    first = adaptive_limit.after_answer(adaptive_limit.opening(BOUNDS), AnsweredCall(0, 1, full=False, tokens=800))
    second = adaptive_limit.after_answer(first, AnsweredCall(0, 1, full=False, tokens=1600))
    assert (first.tokens, second.tokens) == (800, 900)
    assert adaptive_limit.after_answer(second, AnsweredCall(0, 1, full=False)).tokens == 900


@pytest.mark.parametrize(
    ("limit", "target", "grown"),
    [
        (8.0, None, 1.0),
        (32.0, 64.0, 16.0),
        (59.0, 64.0, 2.5),
        (60.0, 64.0, 0.25),
        (68.0, 64.0, 0.25),
        (69.0, 64.0, 2.5),
        (62.5, 64.0, 0.25),
        (6.0, 7.0, 1.0),
        (960.0, 1024.0, 4.0),
        (1088.0, 1024.0, 4.0),
        (1100.0, 1024.0, 38.0),
    ],
)
def test_a_round_goes_half_of_the_way_and_slowly_where_it_was_refused(
    limit: float, target: float | None, grown: float
) -> None:
    """A sixteenth of it on either side is close to it: there a round adds a 256th of it, or a quarter of a call."""
    known = adaptive_limit.opening(Bounds(8, 1, 10_000))._replace(limit=limit, target=target)
    after = adaptive_limit.after_answer(known, AnsweredCall(0, 1, full=True))
    a_round = (after.limit - limit) * (limit if target is not None else 1)
    assert a_round == pytest.approx(grown)


def test_growth_ends_at_the_most_and_a_cut_at_the_least() -> None:
    """Bounds are what a person asked for."""
    assert (
        adaptive_limit.after_answer(adaptive_limit.opening(Bounds(9, 1, 9)), AnsweredCall(0, 1, full=True)).limit == 9
    )
    cut = adaptive_limit.after_refusal(adaptive_limit.opening(Bounds(9, 6, 9)), RefusedCall(0, 0))
    for _ in range(3):
        cut = adaptive_limit.after_refusal(cut, RefusedCall(-1.0, 1.0))
    assert cut.limit == 6
    assert adaptive_limit.after_refusal(cut, RefusedCall(2.0, 2.0)).limit == 6


def test_a_call_that_began_just_at_a_cut_speaks_of_the_limit_after_it() -> None:
    """One that began before says nothing of it, be it answered or refused."""
    cut = adaptive_limit.after_refusal(adaptive_limit.opening(Bounds(64, 1, 1000)), RefusedCall(5.0, 10.0))
    assert adaptive_limit.after_answer(cut, AnsweredCall(10.0, 11.0, full=True)).strikes == 0
    assert adaptive_limit.after_answer(cut, AnsweredCall(9.9, 11.0, full=True)).strikes == 1
    assert adaptive_limit.after_refusal(cut, RefusedCall(10.0, 11.0)).strikes == 2
    assert adaptive_limit.after_refusal(cut, RefusedCall(9.9, 11.0)).strikes == 1
    assert adaptive_limit.after_refusal(cut, RefusedCall(9.9, 11.0)).limit == 61
    assert adaptive_limit.after_refusal(cut, RefusedCall(10.0, 11.0)).limit == 31
    assert adaptive_limit.after_answer(cut, AnsweredCall(9.9, 11.0, full=True)).limit == 62


def test_an_old_answer_lets_the_next_begin_after_one_refusal_and_not_after_two() -> None:
    """After two nothing is answered any more, and who is answered now was asked before that."""
    one = adaptive_limit.after_beginning(
        adaptive_limit.after_refusal(adaptive_limit.opening(BOUNDS), RefusedCall(10.0, 10.0)), 0, 10.0
    )
    two = adaptive_limit.after_beginning(adaptive_limit.after_refusal(one, RefusedCall(10.0, 10.0)), 0, 10.5)
    old = AnsweredCall(9.0, 10.51, full=False)
    assert adaptive_limit.after_answer(one, old).not_before == one.not_before == 10.1
    assert adaptive_limit.after_answer(one, old._replace(now=10.05)).not_before == 10.05
    assert adaptive_limit.after_answer(two, old).not_before == two.not_before == 10.6
    assert adaptive_limit.after_answer(two, AnsweredCall(10.0, 10.51, full=False)).not_before == 10.51


def test_probes_come_ever_closer_and_count_anew_after_each_refusal() -> None:
    """A tenth of a second, half of it, a third of it; without a refusal they are not counted."""
    probing = adaptive_limit.after_refusal(adaptive_limit.opening(BOUNDS), RefusedCall(0.0, 0.0))
    gaps = []
    for number in (1, 2, 3):
        probing = adaptive_limit.after_beginning(probing, 0, 10.0 * number)
        gaps.append(probing.not_before - 10.0 * number)
    assert gaps == pytest.approx([0.1, 0.05, 0.1 / 3])
    assert (
        adaptive_limit.after_beginning(
            adaptive_limit.after_refusal(probing, RefusedCall(40.0, 40.0)), 0, 50.0
        ).not_before
        == 50.1
    )
    free = adaptive_limit.after_beginning(adaptive_limit.opening(BOUNDS), 0, 1.0)
    assert (free.probes, free.opens_at) == (0, float("-inf"))


def test_no_wait_is_longer_than_a_quarter_of_an_hour_nor_a_doubled_one_than_half_a_second() -> None:
    """One call looks again: a provider that asks for a day is down, and may be up before."""
    asked = adaptive_limit.after_refusal(adaptive_limit.opening(BOUNDS), RefusedCall(0.0, 10.0, retry_after_s=86_400.0))
    assert asked.shut_until == 910.0
    struck = adaptive_limit.opening(BOUNDS)._replace(strikes=9)
    assert adaptive_limit.after_refusal(struck, RefusedCall(0.0, 10.0)).shut_until == 10.5
    assert adaptive_limit.after_refusal(struck, RefusedCall(0.0, 10.0, retry_after_s=5.0)).shut_until == 15.0
    assert adaptive_limit.after_refusal(asked, RefusedCall(0.0, 11.0)).shut_until == 910.0


@pytest.mark.parametrize(
    ("left", "gap", "until"),
    [
        (RateLimit(8, 500, 60.0), 0.0, None),
        (RateLimit(7, 507, 60.0), 0.12, 160.0),
        (RateLimit(7, None, 70.0), 10.0, 170.0),
        (RateLimit(0, None, 60.0), 60.0, 160.0),
        (RateLimit(0, 500, None), 0.0, None),
        (RateLimit(0, 1, 5000.0), 900.0, 1000.0),
        (RateLimit(2, 4, 60.0), 30.0, 160.0),
    ],
)
def test_calls_are_spaced_where_less_is_left_than_a_round_of_them_needs(
    left: RateLimit, gap: float, until: float | None
) -> None:
    """What comes back within the time is what was used, or as much as is left where no limit is said."""
    after = adaptive_limit.after_answer(
        adaptive_limit.opening(BOUNDS), AnsweredCall(0, 100.0, full=False, left=RateLimitHeaders(requests=left))
    )
    assert after.gap_s == pytest.approx(gap)
    assert after.gap_until == (until if until is not None else float("-inf"))
    assert after.not_before == (pytest.approx(100.0 + gap) if gap else float("-inf"))
    assert adaptive_limit.after_beginning(after._replace(not_before=0.0), 0, after.gap_until).not_before == 0.0


def test_the_larger_of_two_gaps_holds_and_a_word_of_enough_ends_it() -> None:
    """Requests may be plenty where tokens are not; an answer that says nothing of either changes nothing."""
    left = RateLimitHeaders(requests=RateLimit(4, 404, 40.0), tokens=RateLimit(10_000, 60_000, 50.0))
    spaced = adaptive_limit.after_answer(
        adaptive_limit.opening(BOUNDS), AnsweredCall(0, 100.0, full=False, tokens=5000, left=left)
    )
    assert (spaced.gap_s, spaced.gap_until) == (5.0, 150.0)
    assert adaptive_limit.after_answer(spaced, AnsweredCall(0, 101.0, full=False)).gap_s == 5.0
    enough = adaptive_limit.after_answer(
        spaced, AnsweredCall(0, 101.0, full=False, left=RateLimitHeaders(requests=RateLimit(400, 500, 1.0)))
    )
    assert (enough.gap_s, enough.gap_until) == (0.0, 101.0)


ANSWERS = some.builds(
    AnsweredCall,
    began=some.floats(0, 100),
    now=some.floats(0, 100),
    full=some.booleans(),
    tokens=some.none() | some.integers(0, 10**6),
    left=some.builds(
        RateLimitHeaders,
        requests=some.none() | some.builds(RateLimit, some.floats(0, 1e4), some.none() | some.floats(0, 1e4)),
        tokens=some.none()
        | some.builds(RateLimit, some.floats(0, 1e6), some.none() | some.just(1e6), some.floats(0, 600)),
    ),
)
REFUSALS = some.builds(
    RefusedCall, began=some.floats(0, 100), now=some.floats(0, 100), retry_after_s=some.none() | some.floats(0, 1e9)
)


@given(some.lists(ANSWERS | REFUSALS, max_size=60))
def test_whatever_a_provider_says_it_is_called_again(said: list[AnsweredCall | RefusedCall]) -> None:
    """The limit stays within its bounds, and the wait is finite: a controller must not freeze."""
    now = adaptive_limit.opening(BOUNDS)
    for each in said:
        now = (
            adaptive_limit.after_answer(now, each)
            if isinstance(each, AnsweredCall)
            else adaptive_limit.after_refusal(now, each)
        )
        now = adaptive_limit.after_beginning(now, 0, each.now)
        assert BOUNDS.least <= now.whole <= BOUNDS.most
    assert adaptive_limit.may_begin(
        now, 0, 100 + 2 * adaptive_limit.LONGEST_ASKED_S + 60 * adaptive_limit.LONGEST_WAIT_S
    )
