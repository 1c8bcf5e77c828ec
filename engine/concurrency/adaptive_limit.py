"""How many calls a provider is given at a time, after each thing it says; pure.

Cuts take a part and growth is additive at the end, as in TCP (Chiu and Jain, 1989): users that share a provider without
knowing of each other come to equal parts. Until the first refusal the limit doubles with each round of answers, as
TCP's slow start does. After it, a round of answers goes half of the way to the limit that was refused, stays close to
it for some thirty rounds, and leaves it behind ever faster if it is borne by now (after binary increase: Xu, Harfoush
and Rhee, 2004).

Otherwise than in TCP:

* a refusal comes at once and an answer takes seconds, so that silence is good news: until the first refusal the limit
  also grows by as much as it is, each quarter of a second in which all places are taken;
* no queue has to run empty, so a refusal costs a thirty-second, and each further one of a call that was in flight then
  one place more, until half is left: a storm that refuses a few takes little, and one that refuses all takes half;
* after a refusal calls begin one by one, a tenth of a second apart and then faster, until one of them is answered; if
  one of them is refused too, less is borne by now, or nothing. The limit is halved, the one that was refused forgotten,
  and nobody calls for a while, which doubles each time. What a storm wastes grows with the logarithm of its length at
  first, and not with the number of those who wait;
* what is left of requests and tokens per minute, where the provider says so, spaces the calls out before it refuses.

Times are seconds of any clock that only moves forward.
"""

from typing import Final, NamedTuple

from engine.protocols.allowance import RateLimit, RateLimitHeaders

FIRST_WAIT_S: Final = 0.25
"""Wait after a second refusal in a row that does not say how long; each further one waits twice as long. The first
waits for nothing: half of the calls in flight have to end first anyway."""
LONGEST_WAIT_S: Final = 0.5
"""Where doubling stops: two calls a second are a small price for seeing the end of a storm soon."""
LONGEST_ASKED_S: Final = 900.0
"""The longest wait that is granted to a provider; after it, one call looks again."""
NEAR: Final = 1 / 16
"""What share of the limit that was refused counts as close to it."""
CUT: Final = 1 / 32
"""What share of the limit the first refusal costs, and `LEAST_CUT` places at the least."""
LEAST_CUT: Final = 2.0
"""One is filled again by whoever gave it up; of two, another user of the provider gets one."""
PROBE_GAP_S: Final = 0.1
"""Seconds between the first two calls that look whether a provider answers again; after n calls, an n-th of it."""
QUIET_S: Final = 0.25
"""Seconds in which the limit grows by as much as it is, if nobody was ever refused and all places are taken."""
LATE_S: Final = 0.1
"""How much of this growth is made up for where nobody came to make use of it in time."""


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
    """The limit that was refused last, less what was refused of it. None: none was refused, or it is outdated."""
    least: float = 0.0
    """What refusals of calls that began before the last cut take the limit to at the least: half of what it was."""
    cut_at: float = float("-inf")
    """When the limit was last cut. Calls that began before say nothing about what is left of it."""
    more_at: float = float("-inf")
    """When the limit grows by one for quiet, if all places are taken then."""
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
        """When the next call may begin, if there is a place."""
        return max(self.shut_until, self.not_before)

    @property
    def untried(self) -> bool:
        """Whether nobody was ever refused, so that quiet is good news."""
        return self.cut_at == float("-inf") and not self.gap_s and self.whole < self.bounds.most

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


def opens_at(pace: LimitState, running: int) -> float:
    """Say when one more call may begin, if nothing is heard meanwhile; infinity: not before something is."""
    if running < pace.whole:
        return pace.opens_at
    grows = pace.untried and running == pace.whole  # there are more where a person lowered the limit meanwhile
    return max(pace.opens_at, pace.more_at) if grows else float("inf")


def may_begin(pace: LimitState, running: int, now: float) -> bool:
    """Say whether one more call may begin."""
    return now >= opens_at(pace, running)


def after_beginning(pace: LimitState, running: int, now: float) -> LimitState:
    """Take note of a call that begins: it may be what the next one has to keep its distance from.

    Args:
        pace: As it was.
        running: Calls that were in flight already.
        now: When it begins.
    """
    if pace.untried and running + 1 >= pace.whole:
        grown = pace.limit + (running == pace.whole)
        pace = pace._replace(limit=grown, more_at=max(pace.more_at, now - LATE_S) + QUIET_S / grown)
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
    """Cut the limit, and let nobody call for a while."""
    wait = min(refusal.retry_after_s or 0.0, LONGEST_ASKED_S)
    if refusal.began < pace.cut_at:
        pace = _lowered(pace)
    else:
        if pace.strikes and refusal.retry_after_s is None:
            wait = min(FIRST_WAIT_S * 2.0 ** min(pace.strikes - 1, 20), LONGEST_WAIT_S)
        pace = _cut(pace)._replace(cut_at=refusal.now, strikes=pace.strikes + 1, probes=0)
    return pace._replace(shut_until=max(pace.shut_until, refusal.now + wait))


def _cut(pace: LimitState) -> LimitState:
    """Cut the limit, by little at the first refusal, by half at the second, and no more before an answer.

    If all is refused, that says nothing about how many are borne at another time.
    """
    half = pace.limit / 2
    if pace.strikes == 0:
        limit = pace.limit - max(LEAST_CUT, pace.limit * CUT)
        return pace._replace(limit=_at_least(pace, max(limit, half)), target=pace.limit, least=half)
    if pace.strikes == 1:
        return pace._replace(limit=_at_least(pace, half), target=None, least=half)
    return pace


def _lowered(pace: LimitState) -> LimitState:
    """Take one from the limit, and from the one that is grown back to, for a call that was refused of them."""
    limit = _at_least(pace, max(pace.limit - 1, pace.least))
    return pace._replace(limit=limit, target=None if pace.target is None else max(pace.target - 1, limit))


def _at_least(pace: LimitState, limit: float) -> float:
    return min(pace.limit, max(limit, float(pace.bounds.least)))


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
