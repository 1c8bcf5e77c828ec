"""How many calls a provider is given at a time, after each thing it says; pure.

Growth is additive and cuts halve, as in TCP (Chiu and Jain, 1989): users that share a provider without knowing of each
other come to equal parts. Until the first refusal the limit doubles with each round of answers, as TCP's slow start
does; after it, a round adds a sixteenth of the limit that was refused, so that eight rounds lead back to it.

Otherwise than in TCP:

* calls that began before a cut say nothing about the limit that the cut left, so a storm of refusals cuts once;
* after a refusal nobody calls until the wait is over, and then one call goes after the other until one is answered:
  what a storm wastes grows with its length in doubling steps, not with the number of those who wait;
* what is left of requests and tokens per minute, where the provider says so, spaces the calls out before it refuses.

Times are seconds of any clock that only moves forward.
"""

from typing import Final, NamedTuple

from engine.providers.allowance import Allowance, Left

FIRST_WAIT_S: Final = 0.5
"""Wait after a first refusal that does not say how long; each further one in a row waits twice as long."""
LONGEST_WAIT_S: Final = 60.0
"""Where doubling stops."""
LONGEST_ASKED_S: Final = 900.0
"""The longest wait that is granted to a provider; after it, one call looks again."""
PROBE_GAP_S: Final = 0.1
"""Seconds between the calls that look whether a provider answers again."""
ROUNDS_BACK: Final = 8
"""Rounds of answers from half of a limit back to all of it."""


class Bounds(NamedTuple):
    """Calls at a time."""

    start: int
    """At first, from 1."""
    least: int
    """Never fewer, from 1."""
    most: int
    """Never more, from `least`."""


class Pace(NamedTuple):
    """What there is to know of a provider's patience."""

    bounds: Bounds
    limit: float
    """Calls at a time; as a whole number, rounded down."""
    refused_at: float | None = None
    """The limit at the last refusal. None: there was none."""
    cut_at: float = float("-inf")
    """When the limit was last cut. Calls that began before say nothing about it."""
    strikes: int = 0
    """Refusals in a row since the last answer to a call that began after the cut."""
    not_before: float = float("-inf")
    """No call begins before this time."""
    gap_s: float = 0.0
    """Seconds between the beginnings of calls while little is left; 0: none."""
    gap_until: float = float("-inf")
    """Until when `gap_s` holds."""
    tokens: float = 0.0
    """Tokens of a call, as a moving mean; 0: not known."""

    @property
    def whole(self) -> int:
        """Calls at a time."""
        return int(self.limit)


class Answer(NamedTuple):
    """A call that was answered."""

    began: float
    now: float
    full: bool
    """Whether all places were taken: only then does an answer say that more may be borne."""
    tokens: int | None = None
    """Input and output together. None: the provider did not count."""
    left: Allowance = Allowance()


class Refusal(NamedTuple):
    """A call that was refused because of too many, or because of too much load."""

    began: float
    now: float
    retry_after_s: float | None = None
    """What the provider asks to wait. None: it does not ask."""
    left: Allowance = Allowance()


def opening(bounds: Bounds) -> Pace:
    """Begin."""
    return Pace(bounds, float(min(max(bounds.start, bounds.least), bounds.most)))


def within(pace: Pace, bounds: Bounds) -> Pace:
    """Go on under other bounds."""
    return pace._replace(bounds=bounds, limit=float(min(max(pace.limit, bounds.least), bounds.most)))


def may_begin(pace: Pace, running: int, now: float) -> bool:
    """Say whether one more call may begin."""
    return running < pace.whole and now >= pace.not_before


def after_beginning(pace: Pace, now: float) -> Pace:
    """Take note of a call that begins: it may be what the next one has to keep its distance from."""
    gap = PROBE_GAP_S if pace.strikes else 0.0
    if now < pace.gap_until:
        gap = max(gap, pace.gap_s)
    return pace._replace(not_before=max(pace.not_before, now + gap)) if gap else pace


def after_answer(pace: Pace, answer: Answer) -> Pace:
    """Grow, if the answer says that more may be borne."""
    if answer.tokens is not None:
        mean = answer.tokens if not pace.tokens else pace.tokens + (answer.tokens - pace.tokens) / 8
        pace = pace._replace(tokens=mean)
    if answer.began >= pace.cut_at:
        recovered = pace.strikes > 0
        pace = pace._replace(strikes=0, not_before=min(pace.not_before, answer.now) if recovered else pace.not_before)
        if answer.full:
            pace = pace._replace(limit=min(pace.limit + _step(pace), float(pace.bounds.most)))
    return _spaced(pace, answer.left, answer.now)


def after_refusal(pace: Pace, refusal: Refusal) -> Pace:
    """Halve, once for all calls that began before; and let nobody call for a while."""
    asked = refusal.retry_after_s
    wait = 0.0 if asked is None else min(asked, LONGEST_ASKED_S)
    if refusal.began >= pace.cut_at:
        wait = max(wait, min(FIRST_WAIT_S * 2.0 ** min(pace.strikes, 20), LONGEST_WAIT_S) if asked is None else wait)
        if not pace.strikes:  # without an answer in between, all is refused, and says nothing about how many
            half = max(pace.limit / 2, float(pace.bounds.least))
            pace = pace._replace(limit=half, refused_at=pace.limit)
        pace = pace._replace(cut_at=refusal.now, strikes=pace.strikes + 1)
    return pace._replace(not_before=max(pace.not_before, refusal.now + wait))


def _step(pace: Pace) -> float:
    """Say by how much one answer lets the limit grow: in a round there are as many answers as the limit."""
    if pace.refused_at is None:
        return 1.0
    return max(1.0, pace.refused_at / (2 * ROUNDS_BACK)) / pace.limit


def _spaced(pace: Pace, left: Allowance, now: float) -> Pace:
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


def _gap(pace: Pace, left: Left | None, cost: float) -> tuple[float, float]:
    """Say at what distance calls use no more than comes in, and for how long; 0 if there is enough.

    Providers fill up without a pause: in `reset_s`, `limit - remaining` come in.
    """
    if left is None or left.reset_s is None or not cost or left.remaining / cost >= pace.whole:
        return 0.0, 0.0
    coming = left.remaining if left.limit is None else left.limit - left.remaining
    reset = min(left.reset_s, LONGEST_ASKED_S)
    return min(reset * cost / max(coming, cost), reset), reset
