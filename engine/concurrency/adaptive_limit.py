"""How many calls a provider is given at a time, after each thing it says; pure.

Cuts halve and growth is additive at the end, as in TCP (Chiu and Jain, 1989): users that share a provider without
knowing of each other come to equal parts. Until the first refusal the limit doubles with each round of answers, as
TCP's slow start does. After it, a round of answers goes half of the way to the limit that was refused, stays close to
it for some thirty rounds, and leaves it behind ever faster if it is borne by now (after binary increase: Xu, Harfoush
and Rhee, 2004).

Otherwise than in TCP:

* calls that began before a cut say nothing about the limit that the cut left, so a storm of refusals cuts once;
* after a refusal calls begin one by one, a tenth of a second apart and then faster, until one of them is answered; if
  one of them is refused too, nobody calls for a while, which doubles each time. What a storm wastes grows with the
  logarithm of its length at first, and not with the number of those who wait;
* what is left of requests and tokens per minute, where the provider says so, spaces the calls out before it refuses.

Times are seconds of any clock that only moves forward.
"""

from typing import Final, NamedTuple

from engine.protocols.allowance import RateLimit, RateLimitHeaders

FIRST_WAIT_S: Final = 0.25
"""Wait after a second refusal in a row that does not say how long; each further one waits twice as long. The first
waits for nothing: half of the calls in flight have to end first anyway."""
LONGEST_WAIT_S: Final = 2.0
"""Where doubling stops: one call each two seconds is a small price for seeing the end of a storm soon."""
LONGEST_ASKED_S: Final = 900.0
"""The longest wait that is granted to a provider; after it, one call looks again."""
NEAR: Final = 1 / 16
"""What share of the limit that was refused counts as close to it."""
PROBE_GAP_S: Final = 0.1
"""Seconds between the first two calls that look whether a provider answers again; after n calls, an n-th of it."""


class Bounds(NamedTuple):
    """Calls at a time."""

    start: int
    """At first, from 1."""
    least: int
    """Never fewer, from 1."""
    most: int
    """Never more, from `least`."""


class LimitState(NamedTuple):
    """What there is to know of a provider's patience."""

    bounds: Bounds
    limit: float
    """Calls at a time; as a whole number, rounded down."""
    target: float | None = None
    """The limit that was refused last; three quarters of it if that was below the one before, since less is borne by
    now. None: none was refused."""
    cut_at: float = float("-inf")
    """When the limit was last cut. Calls that began before say nothing about it."""
    strikes: int = 0
    """Refusals in a row since the last answer to a call that began after the cut."""
    probes: int = 0
    """Calls that began since the last refusal, while there are strikes."""
    shut_until: float = float("-inf")
    """No call begins before this time, since that was asked for, or all was refused."""
    not_before: float = float("-inf")
    """No call begins before this time, for its distance from the one before."""
    gap_s: float = 0.0
    """Seconds between the beginnings of calls while little is left; 0: none."""
    gap_until: float = float("-inf")
    """Until when `gap_s` holds."""
    tokens: float = 0.0
    """Tokens of a call, as a moving mean; 0: not known."""

    @property
    def opens_at(self) -> float:
        """When the next call may begin."""
        return max(self.shut_until, self.not_before)

    @property
    def whole(self) -> int:
        """Calls at a time."""
        return int(self.limit)


class AnsweredCall(NamedTuple):
    """A call that was answered."""

    began: float
    now: float
    full: bool
    """Whether all places were taken: only then does an answer say that more may be borne."""
    tokens: int | None = None
    """Input and output together. None: the provider did not count."""
    left: RateLimitHeaders = RateLimitHeaders()


class RefusedCall(NamedTuple):
    """A call that was refused because of too many, or because of too much load."""

    began: float
    now: float
    retry_after_s: float | None = None
    """What the provider asks to wait. None: it does not ask."""
    left: RateLimitHeaders = RateLimitHeaders()


def opening(bounds: Bounds) -> LimitState:
    """Begin."""
    return LimitState(bounds, float(min(max(bounds.start, bounds.least), bounds.most)))


def within(pace: LimitState, bounds: Bounds) -> LimitState:
    """Go on under other bounds."""
    return pace._replace(bounds=bounds, limit=float(min(max(pace.limit, bounds.least), bounds.most)))


def may_begin(pace: LimitState, running: int, now: float) -> bool:
    """Say whether one more call may begin."""
    return running < pace.whole and now >= pace.opens_at


def after_beginning(pace: LimitState, now: float) -> LimitState:
    """Take note of a call that begins: it may be what the next one has to keep its distance from."""
    gap = pace.gap_s if now < pace.gap_until else 0.0
    if pace.strikes:
        pace = pace._replace(probes=pace.probes + 1)
        gap = max(gap, PROBE_GAP_S / pace.probes)
    return pace._replace(not_before=max(pace.not_before, now + gap)) if gap else pace


def after_answer(pace: LimitState, answer: AnsweredCall) -> LimitState:
    """Grow, if the answer says that more may be borne."""
    if answer.tokens is not None:
        mean = answer.tokens if not pace.tokens else pace.tokens + (answer.tokens - pace.tokens) / 8
        pace = pace._replace(tokens=mean)
    fresh = answer.began >= pace.cut_at
    if pace.strikes and (fresh or pace.strikes == 1):
        # One that began before the cut makes room for one more: so where only some are refused, the others go on.
        pace = pace._replace(not_before=min(pace.not_before, answer.now))
    if fresh:
        pace = pace._replace(strikes=0)
        if answer.full:
            pace = pace._replace(limit=min(pace.limit + _step(pace), float(pace.bounds.most)))
    return _spaced(pace, answer.left, answer.now)


def after_refusal(pace: LimitState, refusal: RefusedCall) -> LimitState:
    """Halve, once for all calls that began before; and let nobody call for a while."""
    wait = min(refusal.retry_after_s or 0.0, LONGEST_ASKED_S)
    if refusal.began >= pace.cut_at:
        if not pace.strikes:
            pace = _halved(pace)
        elif refusal.retry_after_s is None:
            wait = min(FIRST_WAIT_S * 2.0 ** min(pace.strikes - 1, 20), LONGEST_WAIT_S)
        pace = pace._replace(cut_at=refusal.now, strikes=pace.strikes + 1, probes=0)
    return pace._replace(shut_until=max(pace.shut_until, refusal.now + wait))


def _halved(pace: LimitState) -> LimitState:
    """Cut the limit. Not done again before an answer: if all is refused, that says nothing about how many are borne."""
    known = pace.target is None or pace.limit >= pace.target * (1 - NEAR)
    target = pace.limit if known else 0.75 * pace.limit
    return pace._replace(limit=max(pace.limit / 2, float(pace.bounds.least)), target=target)


def _step(pace: LimitState) -> float:
    """Say by how much one answer lets the limit grow: in a round there are as many answers as the limit."""
    if pace.target is None:
        return 1.0
    away = abs(pace.limit - pace.target)
    a_round = max(0.25, pace.target * NEAR / 16) if away <= pace.target * NEAR else max(1.0, away / 2)
    return a_round / pace.limit


def _spaced(pace: LimitState, left: RateLimitHeaders, now: float) -> LimitState:
    """Space calls out where so little is left that a round of them could use it up."""
    low = [
        (gap, reset) for gap, reset in (_gap(pace, left.requests, 1.0), _gap(pace, left.tokens, pace.tokens)) if gap > 0
    ]
    if not low:
        said = left.requests is not None or left.tokens is not None
        return pace._replace(gap_s=0.0, gap_until=now) if said and pace.gap_s else pace
    gap, reset = max(low)
    spaced = pace._replace(gap_s=gap, gap_until=now + reset)
    return spaced if pace.gap_s else spaced._replace(not_before=max(pace.not_before, now + gap))


def _gap(pace: LimitState, left: RateLimit | None, cost: float) -> tuple[float, float]:
    """Say at what distance calls use no more than comes in, and for how long; 0 if there is enough.

    Providers fill up without a pause: in `reset_s`, `limit - remaining` come in.
    """
    if left is None or left.reset_s is None or not cost or left.remaining / cost >= pace.whole:
        return 0.0, 0.0
    coming = left.remaining if left.limit is None else left.limit - left.remaining
    reset = min(left.reset_s, LONGEST_ASKED_S)
    return min(reset * cost / max(coming, cost), reset), reset
