"""What leaves a log, or comes into it: copies and erasures."""

from pathlib import Path

import msgspec
from rich.console import RenderableType
from rich.text import Text

from events.bundle.copy import Copied, copy, with_ancestors
from events.digest import Digest
from events.store.base import EventLog, Selection
from events.store.sqlite.readonly import SqliteSource
from events.store.sqlite.store import SqliteLog
from projections.run_names import RunNames
from views.terminal.errors import IdAmbiguous, IdUnknown, UsageWrong
from views.terminal.format import plural
from views.terminal.host import Host
from views.terminal.ids import RunList, choose_run, latest_run

SHORTEST = 4
"""Characters of a digest that a person must give at least."""


class CopyRow(msgspec.Struct, frozen=True):
    """What was copied."""

    runs: tuple[str, ...]
    """Those that were asked for and those that they were forked from; empty for the whole log."""
    events: int
    """That were not there before."""
    before: int
    """That were already present, and are the same."""
    blobs: int
    erased: int
    """Blobs of which only when and why they were erased came over."""
    positions_kept: bool
    """Whether positions and digests are those of the source."""
    head: str
    """Digest of the last event there now."""


class EraseRow(msgspec.Struct, frozen=True):
    """A blob whose bytes were removed."""

    digest: str
    reason: str
    at: int
    """Microseconds since 1970, UTC."""


async def copy_log(machine: Host, source: Path, target: Path, asked: tuple[str, ...]) -> CopyRow:
    """Copy a log, or runs of it, to another file; make that if it is not there.

    Raises:
        UsageWrong: Both are the same file.
        LogError: One of them cannot be used, or both hold a run that is not the same.
    """
    if source.resolve() == target.resolve():  # noqa: ASYNC240 - a name is looked at, not a file
        raise UsageWrong("a log cannot be copied onto itself", remedy="choose another target file")
    async with await SqliteSource.open_source(source) as log:
        known = RunList(await log.runs(), await _named(log), await latest_run(log)) if asked else RunList((), {})
        runs = await with_ancestors(log, [choose_run(known, run) for run in asked])
        async with await SqliteLog.open(target, clock=machine.clock) as there:
            return copy_row(await copy(log, there, runs or None), runs)


async def _named(source: SqliteSource) -> dict[str, list[str]]:
    """Give the ids of runs by their names; in a file that is only read, nothing is kept of it."""
    names = RunNames()
    state = names.initial()
    async for recorded in source.read(Selection(tags=names.tags)):
        state = names.apply(state, recorded, {})
    return state.runs


def copy_row(copied: Copied, runs: list[str]) -> CopyRow:
    """Make a row of what was copied."""
    return CopyRow(
        tuple(runs),
        copied.events,
        copied.before,
        copied.blobs,
        copied.erased,
        copied.kept,
        copied.head.digest,
    )


def render_copy(row: CopyRow) -> RenderableType:
    """Say what was copied."""
    what = plural(len(row.runs), "run") if row.runs else "the whole log"
    erased = f", {plural(row.erased, 'erasure')}" if row.erased else ""
    there = f"; {row.before:,} were already present" if row.before else ""
    places = "positions and digests kept" if row.positions_kept else "new positions and digests"
    blobs = plural(row.blobs, "blob")
    return Text(f"copied {what}: {row.events:,} events, {blobs}{erased}{there}; {places}, head {row.head[:16]}")


async def erase_blob(log: EventLog, name: str, reason: str) -> EraseRow:
    """Remove a blob's bytes for good.

    Args:
        log: Which holds it.
        name: The beginning of its digest, as far as it is unique.
        reason: Why, and who says so; kept for good.

    Raises:
        UsageWrong: No reason is given, or the name is too short to be meant.
        IdUnknown: There is no such blob.
        IdAmbiguous: There are several.
        BlobErased: It was erased before.
    """
    if not reason.strip():
        raise UsageWrong(
            "--reason is missing", remedy='state who asked and why: --reason "a customer\'s name, asked by Ann"'
        )
    if len(name) < SHORTEST:
        raise UsageWrong(f"{name} is too short to be a digest", remedy=f"type at least {SHORTEST} characters")
    erasure = await log.erase(await _find(log, name), reason)
    return EraseRow(erasure.digest, erasure.reason, erasure.at)


async def _find(log: EventLog, name: str) -> Digest:
    match await log.digests(name.lower(), most=5):
        case [single]:
            return single
        case []:
            raise IdUnknown(name, "blob", ["every blob of a run in `stillroom why` and `stillroom show --json`"])
        case several:
            raise IdAmbiguous(name, several)


def render_erase(row: EraseRow) -> RenderableType:
    """Say what was erased, and what that means."""
    return Text(
        f"erased {row.digest}: {row.reason}\n"
        "Its bytes are gone from the file; the chain of digests holds, and `stillroom log verify` names the reason.\n"
        "Copies, bundles and backups made before still hold them: erase there too."
    )
