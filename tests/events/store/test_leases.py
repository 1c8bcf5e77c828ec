"""Leases and snapshots: the part of the log's contract (``events/store/base.py``) that is not about events."""

import anyio
import pytest

from events.base import Fence, StreamId
from events.errors import FenceLost, RunOwned, VersionConflict
from events.integrity.verify import verify
from events.store.base import EventLog, Snapshot
from tests.events.model import Clocked
from tests.events.samples import ATTEMPT, OTHER_RUN, TRIAL, drafts, texts


async def test_a_lease_keeps_others_out_until_it_runs_out(log: EventLog) -> None:
    """The token tells apart who comes late."""
    first = await log.acquire("run-1", "me", ttl_s=60)
    assert first == Fence("run-1", 1)
    with pytest.raises(RunOwned):
        await log.acquire("run-1", "you", ttl_s=60)
    await log.append(TRIAL, drafts("mine"), expected_version=0, fence=first)
    second = await log.acquire("run-1", "you", ttl_s=60, take_over=first.token)
    assert second.token > first.token
    with pytest.raises(FenceLost):
        await log.append(TRIAL, drafts("late"), expected_version=1, fence=first)
    with pytest.raises(FenceLost):
        await log.renew(first, ttl_s=60)
    await log.release(first)
    await log.append(TRIAL, drafts("yours"), expected_version=1, fence=second)
    await log.renew(second, ttl_s=120)
    await log.release(second)
    third = await log.acquire("run-1", "me", ttl_s=0)
    assert third.token > second.token
    assert (await log.acquire("run-1", "you", ttl_s=60)).token > third.token
    assert [lease.owner for lease in await log.leases()] == ["you"]
    assert await texts(log) == ["mine", "yours"]


async def test_one_lost_fence_harms_no_neighbour(log: EventLog) -> None:
    """They may stand in one transaction."""
    old = await log.acquire("run-1", "me", ttl_s=60)
    await log.acquire("run-1", "you", ttl_s=60, take_over=old.token)
    ends: list[str] = []

    async def attempt(stream: StreamId, fence: Fence | None, version: int = 0) -> None:
        try:
            await log.append(stream, drafts("x"), expected_version=version, fence=fence)
        except (FenceLost, VersionConflict) as error:
            ends.append(type(error).__name__)
        else:
            ends.append("kept")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(attempt, TRIAL, None)
        tasks.start_soon(attempt, ATTEMPT, old)
        tasks.start_soon(attempt, StreamId("run-1", "third"), None, 5)
        tasks.start_soon(attempt, OTHER_RUN, None)
    assert sorted(ends) == ["FenceLost", "VersionConflict", "kept", "kept"]
    assert await log.streams("run-1") == {"trial/greet": 1}


async def test_snapshots_replace_each_other_by_revision(log: EventLog) -> None:
    """An old revision means something else."""
    assert await log.load_snapshot("cost", 1) is None
    for position in (3, 7):
        await log.save_snapshot(Snapshot("cost", 1, position, b"state %d" % position))
    assert await log.load_snapshot("cost", 1) == Snapshot("cost", 1, 7, b"state 7")
    assert await log.load_snapshot("cost", 2) is None


async def test_of_two_who_saw_the_same_dead_owner_one_takes_the_run(log: EventLog) -> None:
    """Both looked before either acted: the second finds a lease that is not the one it meant to set aside."""
    dead = await log.acquire("run-1", "dead", ttl_s=60)
    taken = await log.acquire("run-1", "me", ttl_s=60, take_over=dead.token)
    with pytest.raises(RunOwned):
        await log.acquire("run-1", "you", ttl_s=60, take_over=dead.token)
    await log.append(TRIAL, drafts("mine"), expected_version=0, fence=taken)


async def test_a_clock_that_is_set_back_neither_ends_a_lease_nor_makes_it_endless(clocked: Clocked) -> None:
    """Until it is renewed it shows more time than was asked for; renewed, it shows what was asked for from then on."""
    log, clock = clocked
    fence = await log.acquire("run-1", "me", ttl_s=60)
    await log.append(TRIAL, drafts("before"), expected_version=0, fence=fence)
    clock.now -= 3_600_000_000
    with pytest.raises(RunOwned) as caught:
        await log.acquire("run-1", "you", ttl_s=60)
    assert caught.value.seconds_left == pytest.approx(3660)
    await log.append(TRIAL, drafts("after"), expected_version=1, fence=fence)
    await log.renew(fence, ttl_s=60)
    with pytest.raises(RunOwned) as caught:
        await log.acquire("run-1", "you", ttl_s=60)
    assert caught.value.seconds_left == pytest.approx(60)
    clock.now += 61_000_000
    assert (await log.acquire("run-1", "you", ttl_s=60)).token > fence.token


async def test_a_lease_holds_until_the_microsecond_it_runs_out_at(clocked: Clocked) -> None:
    """Then it is anybody's; before, the refusal says how long it still holds. Another run's says nothing."""
    log, clock = clocked
    first = await log.acquire("run-1", "me", ttl_s=60)
    await log.acquire("run-2", "me", ttl_s=600)
    (lease, _) = await log.leases()
    clock.now = lease.expires_at - 1
    with pytest.raises(RunOwned) as caught:
        await log.acquire("run-1", "you", ttl_s=60)
    assert caught.value.seconds_left == pytest.approx(1e-6)
    clock.now = lease.expires_at
    assert await log.acquire("run-1", "you", ttl_s=60) == Fence("run-1", first.token + 1)


async def test_a_run_that_nobody_ever_held_has_no_lease_to_renew_or_release(log: EventLog) -> None:
    """The refusal says that there is none: tokens begin at 1."""
    with pytest.raises(FenceLost, match="holds token 1, the run is at 0"):
        await log.renew(Fence("run-1", 1), ttl_s=60)
    await log.release(Fence("run-1", 1))
    assert await log.leases() == []
    assert (await log.acquire("run-1", "me", ttl_s=60)).token == 1


async def test_an_owner_that_asks_again_gets_a_new_token_and_its_old_one_is_lost(log: EventLog) -> None:
    """It may be the same process that has lost count: what it began before must not go on beside."""
    first = await log.acquire("run-1", "me", ttl_s=60)
    second = await log.acquire("run-1", "me", ttl_s=60)
    assert (first.token, second.token) == (1, 2)
    with pytest.raises(FenceLost):
        await log.append(TRIAL, drafts("old"), expected_version=0, fence=first)
    await log.append(TRIAL, drafts("new"), expected_version=0, fence=second)


async def test_a_lease_that_is_released_is_free_at_once_and_never_prolonged(clocked: Clocked) -> None:
    """One that has run out stays as it was; and a fence that was lost releases nothing."""
    log, clock = clocked
    fence = await log.acquire("run-1", "me", ttl_s=60)
    await log.release(Fence("run-1", fence.token + 1))
    with pytest.raises(RunOwned):
        await log.acquire("run-1", "you", ttl_s=60)
    await log.release(fence)
    (lease,) = await log.leases()
    assert lease.expires_at == clock.now
    clock.now += 5_000_000
    await log.release(fence)
    assert (await log.leases()) == [lease]
    assert await log.acquire("run-1", "you", ttl_s=60) == Fence("run-1", fence.token + 1)


async def test_a_clock_that_is_set_back_is_recorded_as_it_was_and_breaks_no_order(clocked: Clocked) -> None:
    """Positions say what came first; times say what the clock showed."""
    log, clock = clocked
    await log.append(TRIAL, drafts("one"), expected_version=0)
    clock.now -= 3_600_000_000
    await log.append(TRIAL, drafts("two"), expected_version=1)
    one, two = [each async for each in log.read()]
    assert two.at - one.at == -3_600_000_000
    assert await texts(log) == ["one", "two"]
    assert (await verify(log)).sound
