"""Ids as people type them: shortened like git's hashes, ``@latest``, ``RUN~2``; and places within a run."""

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from engine.core.lineage import streams_of
from engine.core.run_names import named_runs
from events.base import StreamId
from events.digest import Digest
from events.store.base import EventLog, Selection
from events.store.sqlite.readonly import SqliteSource
from events.streams import (
    RUN,
    attempt_of,
    attempt_stream,
    is_item_attempt,
    is_trial,
    item_cell_of,
    item_stream,
    trial_of,
)
from views.terminal.errors import IdAmbiguous, IdUnknown

LATEST: Final = "@latest"
BLOB: Final = "blob"
"""What stands before the colon of a digest."""
_BACK: Final = re.compile(r"(?P<run>[^~]+)~(?P<back>\d{1,6})?")


class RunTarget(NamedTuple):
    """A run as a whole."""

    run: str


class TrialTarget(NamedTuple):
    """A trial of a run."""

    run: str
    trial: str


class AttemptTarget(NamedTuple):
    """An attempt of a trial."""

    run: str
    trial: str
    attempt: int


class ItemTarget(NamedTuple):
    """An item of an evaluation that no agent worked on: a model answered it."""

    run: str
    cell: str


class EventTarget(NamedTuple):
    """An event by its position."""

    position: int


class PlaceTarget(NamedTuple):
    """An event by its place in its stream."""

    stream: StreamId
    version: int


class BlobTarget(NamedTuple):
    """Bytes under their digest."""

    digest: Digest


Target: TypeAlias = RunTarget | TrialTarget | AttemptTarget | ItemTarget | EventTarget | PlaceTarget | BlobTarget


class RunList(NamedTuple):
    """The runs of a log, as people may call them."""

    runs: Sequence[str]
    """Their ids, oldest first."""
    named: Mapping[str, Sequence[str]]
    """Ids by the names that were given to runs."""
    latest: str | None = None
    """What ``@latest`` means (`latest_run`). None: there is no run, or nobody asked."""


async def find_run(log: EventLog, text: str) -> str:
    """Find the run a person means: by its id, the beginning of that, or the name that it was given.

    ``@latest`` is the run of one's own that began last; of a log that holds imported runs alone, the last of those.

    Raises:
        IdUnknown: No run begins or is called so, or there are not that many.
        IdAmbiguous: Several do, or are.
    """
    runs = await log.runs()
    # Names are looked up only where an id does not say enough: that costs as the log does, until it is kept.
    name, _ = _counted_back(text)
    named = {} if name in {LATEST, *runs} else await named_runs(log)
    return choose_run(RunList(runs, named, await latest_run(log) if name == LATEST else None), text)


async def own_first(log: EventLog | SqliteSource) -> AsyncIterator[str]:
    """Give the runs of a log, the last first: those of one's own, and then those that were imported."""
    imported: list[str] = []
    for run in reversed(await log.runs()):
        found = [each async for each in log.read(Selection(run=run, streams={RUN}, tags={"run.imported"}))]
        if found:
            imported.append(run)
        else:
            yield run
    for run in imported:
        yield run


async def latest_run(log: EventLog | SqliteSource) -> str | None:
    """Find what ``@latest`` means. None: the log holds no run."""
    async for run in own_first(log):
        return run
    return None


def choose_run(known: RunList, text: str) -> str:
    """Find the run a person means among those that are known.

    Raises:
        IdUnknown: No run begins or is called so, or there are not that many.
        IdAmbiguous: Several do, or are.
    """
    name, back = _counted_back(text)
    index = _index(known, name) - back
    if index < 0:
        raise IdUnknown(text, "run", [*known.runs, *known.named])
    return known.runs[index]


def _counted_back(text: str) -> tuple[str, int]:
    """Take ``RUN~2`` apart: what the run is called, and how many runs before it are meant."""
    match = _BACK.fullmatch(text)
    return (match["run"], int(match["back"] or 1)) if match else (text, 0)


def _index(known: RunList, name: str) -> int:
    runs = known.runs
    if name == LATEST and known.latest is not None:
        name = known.latest
    if name in runs:
        return runs.index(name)
    found = [run for run in runs if run.startswith(name) or run in known.named.get(name, ())]
    return runs.index(_one(name, found, "run", [*runs, *known.named])) if name else -1


def _one(text: str, matches: Sequence[str], what: str, known: Sequence[str]) -> str:
    match list(matches):
        case [single]:
            return single
        case []:
            raise IdUnknown(text, what, known)
        case several:
            raise IdAmbiguous(text, several)


def place_in(run: str, stream: str, version: int) -> str:
    """Name an event as `show` and `why` take it."""
    return f"{run}:{stream}@{version}"


async def find_target(log: EventLog, text: str) -> Target:
    """Find what a person wants to see.

    ``RUN``, an id or a name; ``RUN:TRIAL`` and ``RUN:TRIAL/2``; ``TRIAL`` and ``TRIAL/2`` of the latest run; a bare
    number is the position of an event; ``RUN:STREAM@3`` is an event by its place; ``blob:3fa9`` are bytes by the
    beginning of their digest. ``item/CELL`` is the latest attempt at an item that an agent worked on, or an
    item that a model answered.

    Raises:
        IdUnknown: There is no such thing.
        IdAmbiguous: There are several.
    """
    if text.isascii() and text.isdigit():
        return EventTarget(int(text))
    run, colon, rest = text.partition(":")
    if colon and run == BLOB:
        return await _blob(log, rest)
    if colon:
        return await _within(log, await find_run(log, run), rest)
    try:
        return RunTarget(await find_run(log, text))
    except IdUnknown:
        if not await log.runs():
            raise
        return await _within(log, await find_run(log, LATEST), text)


async def _blob(log: EventLog, beginning: str) -> BlobTarget:
    found = await log.digests(beginning.lower(), most=5)
    return BlobTarget(Digest(_one(f"{BLOB}:{beginning}", found, "blob", [])))


async def _within(log: EventLog, run: str, text: str) -> Target:
    streams = await streams_of(log, run)
    if not text:
        raise IdUnknown('""', "run, trial, attempt or event", await log.runs())
    name, at, version = text.rpartition("@")
    if at and version.isdigit():
        stream = _one(name, _named(name, streams), "stream", list(streams))
        if not 1 <= int(version) <= streams[stream]:
            raise IdUnknown(text, "event", [f"{stream}@1 to @{streams[stream]}"])
        return PlaceTarget(StreamId(run, stream), int(version))
    if (cell := item_cell_of(text)) is not None:
        return _item_target(run, cell, streams)
    trials = [trial for stream in streams if is_trial(stream) and (trial := trial_of(stream)) is not None]
    name, slash, number = text.rpartition("/")
    if slash and number.isdigit() and attempt_stream(name, int(number)) in streams:
        return AttemptTarget(run, name, int(number))
    matches = [text] if text in trials else [trial for trial in trials if trial.startswith(text)]
    return TrialTarget(run, _one(text, matches, "run, trial, attempt or event", trials))


def _item_target(run: str, cell: str, streams: Mapping[str, int]) -> AttemptTarget | ItemTarget:
    """Find the latest attempt at an item, or one by its number; or an item that no agent worked on.

    Raises:
        IdUnknown: There is no such item.
    """
    numbers = {(trial_of(each), attempt_of(each)) for each in streams if is_item_attempt(each)}
    name, _, number = cell.rpartition("/")
    if number.isdigit() and (name, int(number)) in numbers:
        return AttemptTarget(run, name, int(number))
    found = [at for of, at in numbers if of == cell and at is not None]
    if found:
        return AttemptTarget(run, cell, max(found))
    if item_stream(cell) in streams:
        return ItemTarget(run, cell)
    raise IdUnknown(item_stream(cell), "item", [each for each in streams if item_cell_of(each) is not None])


def _named(name: str, streams: Iterable[str]) -> list[str]:
    """List the streams a name may mean: itself, a trial, an attempt, or the beginning of one."""
    exact = [stream for stream in streams if name in {stream, stream.partition("/")[2]}]
    return exact or [stream for stream in streams if stream.startswith(name)]
