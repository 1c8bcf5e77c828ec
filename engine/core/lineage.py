"""Runs that branch off others: what a forked run has of its ancestors, by reference.

Nothing is copied. A fork's log begins with `RunForked`, which says up to which version of each stream the parent's
events are its own. What it adds itself counts on from there: version 8 of a forked stream may be the first that was
appended to it. The log itself counts every stream from 1; the difference is made here, and nowhere else.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from events.base import Recorded, StreamId
from events.store.base import EventLog, Selection
from events.types.session import RunForked

SESSION = "session"
"""Tells of processes."""

CONTROL = "control"
"""Holds what people order of the processes of a run: it is not shared by a fork either, and no actor's."""

APART = frozenset({SESSION, CONTROL})
"""Streams that no actor owns: a rerun does not make them again, and a fork has its own."""

FORKED = "session.run_forked"
"""Tag of the event that a fork begins with."""


class Branch(NamedTuple):
    """A run in a line of descent."""

    run: str
    forked: RunForked | None
    """None: it was started, not forked."""
    cuts: Mapping[str, int]
    """Last version of each stream that it has of its ancestors; empty for one that was started."""


Lineage = Sequence[Branch]
"""Oldest first; the last is the run itself."""


async def lineage_of(log: EventLog, run: str) -> Lineage:
    """Follow a run back to the one that was started."""
    branches: list[Branch] = []
    wanted: str | None = run
    while wanted is not None:
        forked = await _forked(log, wanted)
        cuts = {} if forked is None else msgspec.json.decode(await log.get(forked.cuts), type=dict[str, int])
        branches.append(Branch(wanted, forked, cuts))
        wanted = None if forked is None else forked.parent
    return branches[::-1]


async def _forked(log: EventLog, run: str) -> RunForked | None:
    first = Selection(stream=StreamId(run, SESSION), tags=(FORKED,))
    async for recorded in log.read(first):
        if isinstance(recorded.event, RunForked):
            return recorded.event
    return None


def era_of(lineage: Lineage, stream: str, version: int) -> int:
    """Say which run of the line decides what comes after this version of a stream: 0 for the oldest."""
    if len(lineage) <= 1:  # asked for at each decision, and most runs are no forks
        return 0
    return max((index for index, branch in enumerate(lineage) if version >= branch.cuts.get(stream, 0)), default=0)


async def pages_of(log: EventLog, selection: Selection) -> AsyncIterator[Sequence[Recorded]]:
    """Like `EventLog.pages`; a forked run is given with what it has of its ancestors, under its own name.

    Without a run in the selection, every event is given once, as it stands.
    """
    run = selection.stream.run if selection.stream is not None else selection.run
    async for page in pages_along(log, () if run is None else await lineage_of(log, run), selection):
        yield page


async def pages_along(log: EventLog, lineage: Lineage, selection: Selection) -> AsyncIterator[Sequence[Recorded]]:
    """Like `pages_of`, for who reads a run several times and knows its lineage."""
    if len(lineage) < 2:
        async for page in log.pages(selection):
            yield page
        return
    for index, branch in enumerate(lineage):
        async for page in log.pages(_within(selection, branch.run)):
            kept = [moved for each in page if (moved := _moved(lineage, index, each)) is not None]
            if kept:
                yield kept


async def streams_of(log: EventLog, run: str) -> dict[str, int]:
    """List a run's streams with their versions, those it has of its ancestors first."""
    return await streams_along(log, await lineage_of(log, run))


async def streams_along(log: EventLog, lineage: Lineage) -> dict[str, int]:
    """Like `streams_of`, for who knows the lineage."""
    last = lineage[-1]
    own = {name: version + _shift(last, name) for name, version in (await log.streams(last.run)).items()}
    return {**last.cuts, **own}


async def last_shared(log: EventLog, lineage: Lineage) -> int:
    """Give the position of the last event that a fork has of its ancestors; 0 if there is none."""
    last = 0
    for index, branch in enumerate(lineage[:-1]):
        async for page in log.rows(Selection(run=branch.run)):
            shared = (
                row.position for row in page if row.name not in APART and _shares(lineage, index, row.name, row.version)
            )
            last = max(last, max(shared, default=0))
    return last


class RunPositions:
    """Gives events as they stand in the log their place in their run, which counts on from where it was forked."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._branches: dict[str, Branch] = {}

    async def of(self, recorded: Recorded) -> Recorded:
        """Count an event's version as its run does."""
        run, name = recorded.stream
        if run not in self._branches:
            self._branches[run] = (await lineage_of(self._log, run))[-1]
        return recorded._replace(version=recorded.version + _shift(self._branches[run], name))


async def ancestral_sessions(log: EventLog, lineage: Lineage, until: int) -> list[Recorded]:
    """Give what processes noted of a run's ancestors, up to the position of the first event that is its own."""
    found: list[Recorded] = []
    for branch in lineage[:-1]:
        selection = Selection(stream=StreamId(branch.run, SESSION), until=until)
        async for page in log.pages(selection):
            found += page
    return found


def _within(selection: Selection, run: str) -> Selection:
    if selection.stream is not None:
        return selection._replace(stream=StreamId(run, selection.stream.name))
    return selection._replace(run=run)


def _moved(lineage: Lineage, index: int, recorded: Recorded) -> Recorded | None:
    """Give an event its place in the last run of the line. None: it is not part of that."""
    name = recorded.stream.name
    last = len(lineage) - 1
    if name in APART:
        return recorded if index == last else None
    if not _shares(lineage, index, name, recorded.version):
        return None
    version = recorded.version + _shift(lineage[index], name)
    return recorded._replace(stream=StreamId(lineage[last].run, name), version=version)


def _shares(lineage: Lineage, index: int, name: str, version: int) -> bool:
    """Say whether the last run of a line has an event that stands in the log under the name of one of the line."""
    counted = version + _shift(lineage[index], name)
    return all(counted <= later.cuts.get(name, 0) for later in lineage[index + 1 :])


def _shift(branch: Branch, name: str) -> int:
    """Say how many events of a stream stand in the log under the names of a run's ancestors."""
    return 0 if name == SESSION else branch.cuts.get(name, 0)
