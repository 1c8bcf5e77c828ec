"""Laws of the waiting room, in virtual time: whatever comes of calls, nobody waits without cause, and nobody for ever.

The room once named one of those that wait to look at the clock for all, and told it so. If that one was admitted or
cancelled before its task ran, it stayed named, nobody looked any more, and a storm of 429s stopped a run for good.
"""

from typing import Literal, NamedTuple

import anyio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.concurrency.adaptive_limit import Bounds
from engine.concurrency.limiter import AdaptiveLimiter
from engine.policies.call_retry import spread_of
from events.base import Ref
from tests.support.virtual_time import Hung, run_virtually

MOMENTS = st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0])
"""Few, so that a wait often ends at the very moment at which somebody gives up or leaves."""


class Try(NamedTuple):
    """One physical call."""

    lasts_s: float
    ends: Literal["answered", "refused", "overloaded", "unknown"]
    retry_after_s: float | None
    rests_s: float
    """Before the next try of the same turn."""


class LimiterCaller(NamedTuple):
    """One that calls, and tries again on the same turn."""

    run: str
    comes_at: float
    tries: tuple[Try, ...]
    patience_s: float | None
    """After which it is cancelled, wherever it is. None: never."""


class Day(NamedTuple):
    """What happens in a room."""

    bounds: Bounds
    callers: tuple[LimiterCaller, ...]
    tuned: tuple[tuple[float, Bounds], ...]
    """When, and to what."""


BOUNDS = st.builds(
    lambda start, least, more: Bounds(start, least, least + more),
    st.integers(1, 6),
    st.integers(1, 3),
    st.integers(0, 8),
)
TRIES = st.builds(
    Try, MOMENTS, st.sampled_from(["answered", "refused", "overloaded", "unknown"]), st.none() | MOMENTS, MOMENTS
)
CALLERS = st.builds(
    LimiterCaller,
    st.sampled_from(["r1", "r2", "r3"]),
    MOMENTS,
    st.lists(TRIES, min_size=1, max_size=3).map(tuple),
    st.none() | MOMENTS,
)
DAYS = st.builds(
    Day,
    BOUNDS,
    st.lists(CALLERS, min_size=1, max_size=14).map(tuple),
    st.lists(st.tuples(MOMENTS, BOUNDS), max_size=2).map(tuple),
)


ONE = Try(1.0, "unknown", None, 0.0)


def together(*ends: Literal["answered", "refused", "unknown"]) -> tuple[LimiterCaller, ...]:
    """Have callers come at once, each with one call; they end at one moment too, in the order given."""
    return tuple(
        LimiterCaller("r1", 0.0, (Try(1.0 + number * 1e-11, end, None, 0.0),), None) for number, end in enumerate(ends)
    )


ADMITTED = Day(
    Bounds(6, 1, 6),
    together("refused", "unknown", "unknown", "unknown", "unknown", "answered", "refused", "unknown", "unknown"),
    (),
)
"""At one moment: calls begin one by one after a refusal, the next to begin is told to look at the clock, and an answer
lets it in before it has looked. Then the last ones leave while the room is shut, and one waits."""
CANCELLED = Day(
    Bounds(1, 1, 1),
    (
        LimiterCaller("r1", 0.0, (Try(1.0, "refused", 2.0, 0.0),), None),
        LimiterCaller("r1", 0.0, (ONE,), 1.0),
        LimiterCaller("r1", 0.0, (ONE,), None),
    ),
    (),
)
"""At one moment: the place is left while the room is shut, and the one that is next gives up."""


async def call(room: AdaptiveLimiter, caller: LimiterCaller, number: int, most: int) -> None:
    """Come, wait for a place for each try, and say how it went. `most` is what the room may ever hold."""
    await anyio.sleep(caller.comes_at)
    with anyio.move_on_after(caller.patience_s):
        turn = room.turn(caller.run, str(number))
        try:
            for each in caller.tries:
                async with turn.place() as seat:
                    assert room.running <= most
                    await anyio.sleep(each.lasts_s)
                    match each.ends:
                        case "answered":
                            seat.answered()
                        case "refused":
                            seat.refused(each.retry_after_s)
                        case "overloaded":
                            seat.overloaded(each.retry_after_s)
                        case "unknown":
                            pass
                await anyio.sleep(each.rests_s)
        finally:
            turn.release()


async def live(room: AdaptiveLimiter, day: Day) -> None:
    """Live through it."""

    async def tune(at: float, bounds: Bounds) -> None:
        await anyio.sleep(at)
        room.tune(bounds)

    most = max(day.bounds.most, *[bounds.most for _, bounds in day.tuned], 0)
    async with anyio.create_task_group() as group:
        for number, caller in enumerate(day.callers):
            group.start_soon(call, room, caller, number, most)
        for at, bounds in day.tuned:
            group.start_soon(tune, at, bounds)


@pytest.mark.slow
@given(DAYS)
@example(ADMITTED)
@example(CANCELLED)
def test_when_all_calls_have_ended_nobody_waits(day: Day) -> None:
    """Under cancellations, refusals, overload, tuning and several runs; what hangs raises `Hung`."""
    room = AdaptiveLimiter("calls", day.bounds)
    run_virtually(live, room, day)
    assert (room.running, room.waiting) == (0, 0)


@given(DAYS)
@example(ADMITTED)
@example(CANCELLED)
def test_nobody_waits_while_there_is_a_place_and_the_time_has_come(day: Day) -> None:
    """Before the clock moves on, whoever may go in has gone in."""
    room = AdaptiveLimiter("calls", day.bounds)

    def look(now: float) -> None:
        assert not (room.waiting and room.running < room.limit and now >= room.opens_at)

    run_virtually(live, room, day, idle=look)


async def storm(room: AdaptiveLimiter, seed: int) -> None:
    """Have a hundred make ten calls each, until each is answered; two of five are refused."""
    count = 0

    def drawn() -> float:
        nonlocal count
        count += 1
        return spread_of(Ref(str(seed), count))

    async def caller(number: int) -> None:
        for _ in range(10):
            turn = room.turn("r", str(number))
            refused = True
            while refused:
                async with turn.place() as seat:
                    await anyio.sleep(round(5 * drawn()) / 20)
                    refused = drawn() < 0.4
                    seat.refused() if refused else seat.answered()

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(caller, number)


@pytest.mark.parametrize("seed", range(10))
def test_a_storm_of_refusals_passes(seed: int) -> None:
    """A hundred callers and twenty places; some of these storms stopped a run for good."""
    room = AdaptiveLimiter("calls", Bounds(20, 1, 20))
    run_virtually(storm, room, seed)
    assert (room.running, room.waiting) == (0, 0)


def test_virtual_time_finds_what_waits_for_ever() -> None:
    """Else the laws above could not fail."""
    with pytest.raises(Hung):
        run_virtually(anyio.Event().wait)
