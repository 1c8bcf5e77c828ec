"""Leases in the file: who owns a run. Each function runs on a connection's thread, writing ones in a transaction."""

import sqlite3

from events.base import Fence
from events.errors import FenceLost, RunOwned
from events.store.base import Lease
from events.store.sqlite.connection import checked, text

BUMP = "UPDATE meta SET value = value + 1 WHERE key = 'lease_epoch'"
"""Tells every process, before its next append, to read the tokens again and to forget which bytes it has at hand."""


def acquire(file: sqlite3.Connection, wanted: Lease, *, now: int, take_over: int | None) -> Fence:
    """Take a run; `wanted` says who asks and until when, its token says nothing.

    Raises:
        RunOwned: A lease of another owner has not run out, and is not the one to be set aside.
    """
    lease = find(file, wanted.run)
    if lease is not None and lease.owner != wanted.owner and lease.expires_at > now and lease.token != take_over:
        raise RunOwned(wanted.run, owner=lease.owner, seconds_left=(lease.expires_at - now) / 1e6)
    token = 1 if lease is None else lease.token + 1
    file.execute(
        "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)", (wanted.run, wanted.owner, token, wanted.expires_at)
    )
    file.execute(BUMP)
    return Fence(wanted.run, token)


def renew(file: sqlite3.Connection, fence: Fence, expires_at: int) -> None:
    """Move the end of a lease.

    Raises:
        FenceLost: Another process owns the run now.
    """
    lease = find(file, fence.run)
    current = 0 if lease is None else lease.token
    if current != fence.token:
        raise FenceLost(fence.run, token=fence.token, current=current)
    file.execute("UPDATE leases SET expires_at = ? WHERE run = ?", (expires_at, fence.run))


def release(file: sqlite3.Connection, fence: Fence, now: int) -> None:
    """End a lease. Its token stays, so that an append that comes late is still told apart."""
    sql = "UPDATE leases SET expires_at = min(expires_at, ?) WHERE run = ? AND token = ?"
    file.execute(sql, (now, fence.run, fence.token))


def find(file: sqlite3.Connection, run: str) -> Lease | None:
    """Read the lease of a run."""
    found = everyone(file, "WHERE run = ?", (run,))
    return found[0] if found else None


def everyone(file: sqlite3.Connection, where: str = "ORDER BY run", params: tuple[str, ...] = ()) -> list[Lease]:
    """Read leases, run out or not."""
    sql = f"SELECT run, owner, token, expires_at FROM leases {where}"  # noqa: S608 - ours
    rows = checked("the log", file.execute(sql, params), bytes, bytes, int, int)
    return [Lease(text(run), text(owner), token, expires_at) for run, owner, token, expires_at in rows]
