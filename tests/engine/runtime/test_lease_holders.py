"""Who holds a run at this moment, and who may take it up: told from leases alone."""

import os
import socket

import pytest

from engine.runtime.context import LEASE_S
from engine.runtime.leases import LeaseHolder, holder_of, take
from events.base import Draft, Fence, StreamId
from events.errors import RunOwned
from events.store.base import Lease
from events.store.memory import MemoryLog
from events.types.session import SessionEnded, SessionStarted
from tests.support.worlds import Ticking

ELSEWHERE = "elsewhere:7:1"
GONE = f"{socket.gethostname()}:{os.getpid()}:1"
"""A process of this machine whose id belongs to one that began later."""
NOW = 1_000_000_000_000


@pytest.mark.parametrize(
    ("left_us", "silent_s"),
    [(-1, None), (0, None), (1, LEASE_S - 1e-6), (25_000_000, 5.0), (30_000_000, 0.0), (600_000_000, 0.0)],
)
def test_a_holder_is_as_silent_as_its_lease_has_gone_by(left_us: int, silent_s: float | None) -> None:
    """Nobody holds one that has run out; a lease longer than the usual one says nothing of silence."""
    found = holder_of(Lease("r", ELSEWHERE, 1, NOW + left_us), NOW)
    if silent_s is None:
        assert found is None
    else:
        assert found is not None
        assert found.owner == ELSEWHERE
        assert found.silent_s == pytest.approx(silent_s, abs=1e-7)


def test_a_process_that_is_seen_to_have_ended_holds_nothing() -> None:
    """However much of its lease is left; one that lives here holds its own."""
    assert holder_of(Lease("r", GONE, 1, NOW + 25_000_000), NOW) is None
    assert holder_of(Lease("r", ELSEWHERE, 1, NOW + 30_000_000), NOW) == LeaseHolder(ELSEWHERE, 0.0)


async def test_a_run_is_taken_up_from_nobody_and_from_the_dead() -> None:
    """A lease that has run out, and one whose process is gone, are set aside; tokens only grow."""
    log = MemoryLog(clock=Ticking())
    assert await take(log, "r", even_alive=False) == Fence("r", 1)
    await log.acquire("dead", GONE, ttl_s=600)
    assert await take(log, "dead", even_alive=False) == Fence("dead", 2)


async def test_of_the_living_a_run_is_taken_only_if_a_person_says_so() -> None:
    """Another run's lease, dead or alive, is no reason to set this one aside."""
    log = MemoryLog(clock=Ticking())
    await log.acquire("a", GONE, ttl_s=600)
    theirs = await log.acquire("b", ELSEWHERE, ttl_s=600)
    await log.acquire("c", GONE, ttl_s=600)
    with pytest.raises(RunOwned) as refused:
        await take(log, "b", even_alive=False)
    assert (refused.value.owner, refused.value.since) == (ELSEWHERE, None)
    assert 590 < refused.value.seconds_left < 600
    assert await take(log, "b", even_alive=True) == Fence("b", theirs.token + 1)


async def test_who_is_refused_is_told_when_the_last_process_began() -> None:
    """Not when an earlier one did, nor when anything else was noted."""
    log = MemoryLog(clock=Ticking())
    fence = await log.acquire("r", ELSEWHERE, ttl_s=600)
    begun = [Draft(SessionStarted("live", token, ELSEWHERE, "test"), None) for token in (1, 2)]
    session = StreamId("r", "session")
    await log.append(session, begun[:1], expected_version=0, fence=fence)
    last = await log.append(session, begun[1:], expected_version=1, fence=fence)
    await log.append(session, [Draft(SessionEnded("interrupted"), None)], expected_version=2, fence=fence)
    with pytest.raises(RunOwned) as refused:
        await take(log, "r", even_alive=False)
    assert refused.value.since == last.at


async def test_a_run_is_taken_for_as_long_as_is_asked() -> None:
    """Shorter leases are for tests, longer ones for slow disks."""
    log = MemoryLog(clock=lambda: NOW)
    await take(log, "r", lease_s=7.5, even_alive=False)
    await take(log, "usual", even_alive=False)
    assert [lease.expires_at - NOW for lease in await log.leases()] == [7_500_000, LEASE_S * 1e6]
