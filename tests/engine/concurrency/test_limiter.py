"""Stories of the waiting room: real tasks, and waits in virtual time."""

import anyio
from anyio.lowlevel import checkpoint

from engine.concurrency.adaptive_limit import Bounds
from engine.concurrency.limiter import AdaptiveLimiter, LimiterPermit
from events.types.pool import PoolLimited
from tests.support.virtual_time import run_virtually


class Crowd:
    """Tasks that each want a place, and hold it until they are told to go."""

    def __init__(self, room: AdaptiveLimiter) -> None:
        self.room = room
        self.inside: dict[str, LimiterPermit] = {}
        self.order: list[str] = []
        self._go: dict[str, anyio.Event] = {}

    async def visit(self, who: str, run: str = "r") -> None:
        """Wait, go in, and stay."""
        self._go[who] = anyio.Event()
        async with self.room.turn(run, who).place() as seat:
            self.inside[who] = seat
            self.order.append(who)
            await self._go[who].wait()
        del self.inside[who]

    async def out(self, who: str) -> None:
        """Tell one to go, and let the others see it."""
        self._go[who].set()
        await settled()


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await checkpoint()


def fixed(places: int) -> Bounds:
    """So many places, whatever happens."""
    return Bounds(places, places, places)


async def test_no_more_go_in_than_there_are_places() -> None:
    """That is what a pool is for."""
    crowd = Crowd(AdaptiveLimiter("verifiers", fixed(2)))
    async with anyio.create_task_group() as group:
        for who in "abcd":
            group.start_soon(crowd.visit, who)
        await settled()
        assert (crowd.order, crowd.room.waiting) == (["a", "b"], 2)
        await crowd.out("a")
        assert crowd.order == ["a", "b", "c"]
        for who in "bcd":
            await crowd.out(who)
    assert (crowd.room.running, crowd.room.waiting) == (0, 0)


async def test_one_that_gives_up_waiting_leaves_nothing_behind() -> None:
    """A trial that is cancelled must not take a place with it."""
    room = AdaptiveLimiter("verifiers", fixed(1))
    crowd = Crowd(room)
    async with anyio.create_task_group() as group:
        group.start_soon(crowd.visit, "a")
        await settled()
        with anyio.move_on_after(0):
            await crowd.visit("b")
        group.start_soon(crowd.visit, "c")
        await settled()
        assert room.waiting == 1
        await crowd.out("a")
        assert list(crowd.inside) == ["c"]
        await crowd.out("c")
    assert room.running == 0


async def test_places_that_a_person_adds_are_taken_at_once() -> None:
    """And places that are taken away are not given again."""
    told: list[PoolLimited] = []
    crowd = Crowd(AdaptiveLimiter("sandboxes", fixed(1), told.append))
    async with anyio.create_task_group() as group:
        for who in "abc":
            group.start_soon(crowd.visit, who)
        await settled()
        crowd.room.tune(fixed(3))
        await settled()
        assert sorted(crowd.inside) == ["a", "b", "c"]
        crowd.room.tune(fixed(1))
        group.start_soon(crowd.visit, "d")
        await crowd.out("a")
        await crowd.out("b")
        assert sorted(crowd.inside) == ["c"]
        await crowd.out("c")
        await crowd.out("d")
    assert [(each.reason, each.before, each.limit) for each in told] == [("tuned", 1, 3), ("tuned", 3, 1)]


def test_a_refusal_has_all_wait_and_one_look() -> None:
    """Of eight that wait, one asks when the time is up; the others go when it is answered, as far as there is room."""
    told: list[PoolLimited] = []

    async def story() -> None:
        crowd = Crowd(AdaptiveLimiter("calls", Bounds(8, 1, 8), told.append))
        async with anyio.create_task_group() as group:
            group.start_soon(crowd.visit, "first")
            await settled()
            crowd.inside["first"].refused(20.0)
            await crowd.out("first")
            for who in "abcdefgh":
                group.start_soon(crowd.visit, who)
            await anyio.sleep(19.9)
            assert not crowd.inside
            await anyio.sleep(0.2)
            assert list(crowd.inside) == ["a"]
            crowd.inside["a"].answered()
            await crowd.out("a")
            assert sorted(crowd.inside) == ["b", "c", "d", "e", "f", "g"]
            for who in "bcdefgh":
                await crowd.out(who)

    run_virtually(story)
    assert (told[0].reason, told[0].before, told[0].limit, told[0].wait_s) == ("refused", 8, 6, 20.0)


def test_the_one_that_watches_the_clock_may_leave() -> None:
    """Someone else watches it then; nobody sleeps through the end of a wait."""

    async def story() -> None:
        room = AdaptiveLimiter("calls", Bounds(8, 1, 8))
        crowd = Crowd(room)
        async with anyio.create_task_group() as group:
            group.start_soon(crowd.visit, "first")
            await settled()
            crowd.inside["first"].overloaded(30.0)
            await crowd.out("first")
            async with anyio.create_task_group() as impatient:
                impatient.start_soon(crowd.visit, "watch")
                await settled()
                group.start_soon(crowd.visit, "patient")
                await settled()
                impatient.cancel_scope.cancel()
            await anyio.sleep(29.9)
            assert not crowd.inside
            await anyio.sleep(0.2)
            assert list(crowd.inside) == ["patient"]
            await crowd.out("patient")
        assert room.waiting == 0

    run_virtually(story)


async def test_growth_is_told_by_halves_and_at_the_top() -> None:
    """A limit that grows by one with each answer does not fill the log."""
    told: list[PoolLimited] = []
    room = AdaptiveLimiter("calls", Bounds(2, 1, 16), told.append)
    for _ in range(16):
        async with anyio.create_task_group() as group:
            crowd = Crowd(room)
            for number in range(room.limit):
                group.start_soon(crowd.visit, str(number))
            await settled()
            for number in range(len(crowd.inside)):
                crowd.inside[str(number)].answered()
                await crowd.out(str(number))
    assert [each.limit for each in told] == [3, 5, 8, 12, 16]
