"""Whose a run is, and taking it up: from nobody, from the dead, or, if a person says so, from whoever holds it."""

from typing import NamedTuple

from engine.core.lineage import SESSION
from engine.core.system import process_ended, process_name
from engine.runtime.context import LEASE_S
from events.base import Fence, StreamId
from events.errors import RunOwned
from events.store.base import EventLog, Lease, Selection
from events.types.session import SessionStarted


class LeaseHolder(NamedTuple):
    """A process that holds a run at this moment, as far as can be known from here."""

    owner: str
    """Host, process id and start."""
    silent_s: float
    """Seconds since it was last heard of. One that lives says so three times within a lease."""


def holder_of(lease: Lease, now: int) -> LeaseHolder | None:
    """Say who holds a run. None: the lease has run out, or its process is known to have ended.

    Args:
        lease: The run's.
        now: Microseconds since 1970, UTC.
    """
    if lease.expires_at <= now or process_ended(lease.owner):
        return None
    return LeaseHolder(lease.owner, max(0.0, LEASE_S - (lease.expires_at - now) / 1e6))


async def take(log: EventLog, run: str, *, lease_s: float = LEASE_S, even_alive: bool) -> Fence:
    """Take a run up. A lease whose process is known to be dead does not hold it.

    Args:
        log: Which holds it.
        run: Its id.
        lease_s: Seconds for which it is taken.
        even_alive: Set the lease aside that stands at this moment, whoever holds it. Whatever that process records
            afterwards is refused; what it has asked of a model by then may be paid for twice.

    Raises:
        RunOwned: Another process holds it.
    """
    leases = [each for each in await log.leases() if each.run == run]
    aside = [each.token for each in leases if even_alive or process_ended(each.owner)]
    try:
        return await log.acquire(run, process_name(), ttl_s=lease_s, take_over=aside[0] if aside else None)
    except RunOwned as error:
        since = await _since(log, run)
        raise RunOwned(run, owner=error.owner, seconds_left=error.seconds_left, since=since) from error


async def _since(log: EventLog, run: str) -> int | None:
    """Say when the last process took a run up."""
    begun = Selection(stream=StreamId(run, SESSION), tags={"session.started"})
    last = [each.at async for each in log.read(begun) if isinstance(each.event, SessionStarted)]
    return last[-1] if last else None
