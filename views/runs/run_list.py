"""The runs of a log, one on a row. Rows that were made once are kept: only runs that have gone on since are folded."""

from collections.abc import Iterable
from typing import Final

from engine.core import snapshots
from engine.core.fold import fold_many, fold_run
from events.digest import digest_of
from events.store.base import EventLog, Head, Selection
from projections.base import state_digest
from projections.cost import Cost
from projections.trials.view import Trials
from replay.rebuild import SnapshotCompared
from views.runs.rows import RunRow, held, kept_row
from views.terminal.log_access import OpenedLog

NAME: Final = "runs"
"""Under which the rows are kept."""
WORTH: Final = 1_000
"""Events folded from which on the rows are kept."""
MOST: Final = 100_000
"""Events of others from which on a run that ends leaves the rows to whoever lists runs next."""
MANY: Final = 20
"""Runs from which on one pass over everything is quicker than one for each."""
MADE: Final = 1
"""Changes with how a row is made of what was folded."""


def revision() -> int:
    """Name the meaning of a row: what it is folded by, what it holds, and how it is made."""
    meaning = (MADE, Trials.revision, Cost.revision, RunRow.__struct_fields__)
    return int(digest_of(repr(meaning).encode())[:8], 16)


async def list_rows(desk: OpenedLog, *, worth: int = WORTH) -> list[RunRow]:
    """List runs, oldest first.

    Args:
        desk: What they are in.
        worth: Events folded from which on the rows are kept for the next time.
    """
    position, kept = await _kept(desk.log)
    rows = await _brought_up(desk.log, position, kept, worth)
    owned = await desk.owned()
    return [held(row, owned.get(run)) for run, row in rows.items()]


async def keep_rows(log: EventLog, ended: int, *, worth: int = WORTH) -> None:
    """Keep the rows as a run ends, so that whoever lists runs next need not fold it.

    Args:
        log: What they are in.
        ended: Events of the run that has ended.
        worth: Events from which on it is worth it.
    """
    position, kept = await _kept(log)
    if (await log.head()).position - position - ended < MOST:
        await _brought_up(log, position, kept, worth)


async def _kept(log: EventLog) -> tuple[int, dict[str, RunRow]]:
    """Give the rows that were kept, and the position up to which they tell."""
    found = await snapshots.find(log, NAME, revision())
    kept = None if found is None else snapshots.decoded(found, dict[str, RunRow])
    return (0, {}) if found is None or kept is None else (found.position, kept)


async def _brought_up(log: EventLog, position: int, kept: dict[str, RunRow], worth: int) -> dict[str, RunRow]:
    """Fold the runs that have gone on behind a position, each from its beginning."""
    head, changed = await log.head(), await log.runs(after=position)
    news = await (_each(log, changed, head) if position or len(changed) < MANY else _every(log, head))
    rows = {**kept, **news}
    if sum(row.events for row in news.values()) >= worth:
        await snapshots.keep(log, NAME, revision(), head, rows)
    return rows


async def _each(log: EventLog, runs: Iterable[str], head: Head) -> dict[str, RunRow]:
    rows: dict[str, RunRow] = {}
    for run in runs:
        if await _begun(log, run, head.position):  # otherwise it began after the head was looked at
            trials, cost = await fold_run(log, [Trials(), Cost()], run, head=head)
            rows[run] = kept_row(cost, trials.runs[run])
    return rows


async def _begun(log: EventLog, run: str, position: int) -> bool:
    """Say whether a run has an event of its own up to a position: what a fork shares is older than the fork."""
    async for _ in log.rows(Selection(run=run, until=position)):
        return True
    return False


async def _every(log: EventLog, head: Head) -> dict[str, RunRow]:
    """Fold all runs in one pass. What a fork shares stands in the log once, under its parent's name."""
    trials, cost = await fold_many(log, [Trials(), Cost()], Selection(until=head.position))
    rows = {run.id: kept_row(cost, run) for run in trials.runs.values()}
    return {**rows, **await _each(log, [row.run for row in rows.values() if row.parent is not None], head)}


async def compare_rows(log: EventLog) -> SnapshotCompared | None:
    """Fold the rows that were kept again, each from its first event. None: none are kept."""
    position, kept = await _kept(log)
    if not kept:
        return None
    rows: dict[str, RunRow] = {}
    for run in await log.runs():
        if await _begun(log, run, position):
            trials, cost = await fold_many(log, [Trials(), Cost()], Selection(run=run, until=position))
            rows[run] = kept_row(cost, trials.runs[run])
    return SnapshotCompared(NAME, revision(), position, state_digest(kept), state_digest(rows))
