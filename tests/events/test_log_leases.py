"""Leases and snapshots: the part of the log's contract (``events/log.py``) that is not about events."""

import anyio
import pytest

from events.base import Fence, StreamId
from events.log import EventLog, Snapshot
from events.log_errors import FenceLost, RunOwned, VersionConflict
from tests.events.samples import ATTEMPT, OTHER_RUN, TRIAL, drafts, texts


async def test_a_lease_keeps_others_out_until_it_runs_out(log: EventLog) -> None:
    """The token tells apart who comes late."""
    first = await log.acquire("run-1", "me", ttl_s=60)
    assert first == Fence("run-1", 1)
    with pytest.raises(RunOwned):
        await log.acquire("run-1", "you", ttl_s=60)
    await log.append(TRIAL, drafts("mine"), expected_version=0, fence=first)
    second = await log.acquire("run-1", "you", ttl_s=60, take_over=True)
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
    await log.acquire("run-1", "you", ttl_s=60, take_over=True)
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
