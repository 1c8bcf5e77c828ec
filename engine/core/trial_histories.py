"""What a run has recorded, read part by part: for actors that run one after the other, as a rerun's do.

A part is an attempt with the calls that were made in it, or any other actor's own stream. A rerun then needs memory for
its largest attempt and the actors above it, and not for the run.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from typing import Final

from typing_extensions import override

from engine.core.errors import RunUnknown
from engine.core.history import DERIVED, RunHistory, starts_in
from engine.core.lineage import (
    APART,
    SESSION,
    Lineage,
    ancestral_sessions,
    last_shared,
    lineage_of,
    pages_along,
    streams_along,
)
from events.base import Recorded, Ref
from events.store.base import EventLog, Selection
from events.streams import CALL, RUN, family_of, parent_of, thread_of

AHEAD: Final = 5_000
"""Events that are read together: small trials cost no trip to the file each."""
KEPT: Final = 10_000
"""Events that are kept for whoever looks events up one by one."""


def part_of(stream: str) -> str | None:
    """Name the part of a run that a stream belongs to: by its topmost stream. None: it is of the run as a whole."""
    if stream == RUN or stream in APART:
        return None
    return parent_of(stream) if family_of(stream) == CALL else stream


class HistoryParts:
    """The parts of a run, and how far each stream in them reached when it was looked at."""

    def __init__(self, log: EventLog, lineage: Lineage, versions: Mapping[str, int]) -> None:
        """Read nothing yet.

        Args:
            log: Where from.
            lineage: Of the run.
            versions: How far each of its streams reaches, by name, in the order of their first events.
        """
        self.versions = versions
        self.lineage = lineage
        self._log = log
        self._names: dict[str | None, list[str]] = {}
        for name in versions:
            self._names.setdefault(part_of(name), []).append(name)
        threads: dict[str, list[str]] = {}
        for part in self._names:
            if part is not None:
                threads.setdefault(thread_of(part), []).append(part)
        self.order = [part for parts in threads.values() for part in parts]
        """A trial's are side by side, in the order in which trials began."""
        self._places = {part: place for place, part in enumerate(self.order)}

    def __contains__(self, part: object) -> bool:
        """Say whether there is such a part."""
        return part in self._names

    def names(self, parts: Iterable[str | None]) -> list[str]:
        """Name the streams of parts."""
        return [name for part in parts for name in self._names.get(part, ())]

    def batches(self, ahead: int = AHEAD) -> Iterator[Sequence[str | None]]:
        """Give all parts: what is of the run as a whole, and then whole trials, small ones together.

        Args:
            ahead: Events up to which trials are together.
        """
        yield [None]
        batch: list[str | None] = []
        events = 0
        for _, parts in groupby(self.order, thread_of):
            thread = list(parts)
            size = sum(map(self.size, thread))
            if batch and events + size > ahead:
                yield batch
                batch, events = [], 0
            batch += thread
            events += size
        if batch:
            yield batch

    def size(self, part: str | None) -> int:
        """Count the events of a part."""
        return sum(self.versions[name] for name in self._names.get(part, ()))

    def with_next(self, part: str, ahead: int) -> list[str | None]:
        """Choose what is read together: a part, and those behind it, as far as all of them have no more events."""
        chosen: list[str | None] = [part]
        events = self.size(part)
        for other in self.order[self._places[part] + 1 :]:
            events += self.size(other)
            if events > ahead:
                break
            chosen.append(other)
        return chosen

    async def read(self, parts: Sequence[str | None]) -> dict[str | None, dict[str, list[Recorded]]]:
        """Read parts: the history of each stream, by part and name."""
        read: dict[str | None, dict[str, list[Recorded]]] = {
            part: {name: [] for name in self._names.get(part, ())} for part in parts
        }
        selection = Selection(run=self.lineage[-1].run, streams=self.names(parts))
        async for page in pages_along(self._log, self.lineage, selection):
            for recorded in page:
                name = recorded.stream.name
                history = read[part_of(name)][name]
                if len(history) < self.versions[name]:  # what was appended meanwhile is for another reading
                    history.append(recorded)
        return read


class TrialHistories(Mapping[str, Sequence[Recorded]]):
    """Each stream by name. Those of a part can be read only while it is held.

    All names are known, so that nobody takes a stream for a new one.
    """

    def __init__(self, parts: HistoryParts, *, ahead: int = AHEAD) -> None:
        """Read nothing yet.

        Args:
            parts: Of the run.
            ahead: Events that are read together, as far as whole parts have no more.
        """
        self.parts = parts
        self._ahead = ahead
        self._read: dict[str | None, dict[str, list[Recorded]]] = {}
        self._held: set[str | None] = set()
        self._taken: set[str | None] = set()
        """Parts that were held once; hardly anybody comes back to one."""

    @override
    def __getitem__(self, name: str) -> Sequence[Recorded]:
        if name not in self.parts.versions:
            raise KeyError(name)
        part = part_of(name)
        # No KeyError: who asks whether there is a history would be told that there is none.
        assert part in self._read, f"{name} is read by nobody at this moment"
        return self._read[part][name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self.parts.versions)

    @override
    def __len__(self) -> int:
        return len(self.parts.versions)

    @override
    def __contains__(self, name: object) -> bool:
        return name in self.parts.versions

    @property
    def events(self) -> int:
        """How many there are in all streams."""
        return sum(self.parts.versions.values())

    async def read_own(self) -> None:
        """Read what is of the run as a whole, and hold it for good."""
        self._held.add(None)
        self._read |= await self.parts.read([None])

    @asynccontextmanager
    async def hold(self, stream: str) -> AsyncIterator[None]:
        """Hold the part that a stream is in."""
        part = part_of(stream)
        if part is None or part in self._held or part not in self.parts:
            yield
            return
        if part not in self._read:
            waiting = sum(self.parts.size(each) for each in self._read.keys() - self._held)
            chosen = self.parts.with_next(part, self._ahead - waiting)
            unread = [each for each in chosen if each == part or each not in self._taken]
            self._read |= await self.parts.read([each for each in unread if each not in self._read])
        self._held.add(part)
        self._taken.add(part)
        try:
            yield
        finally:
            self._held.discard(part)
            del self._read[part]


class EventReader:
    """Gives single events of a run, and keeps those that were read last."""

    def __init__(self, parts: HistoryParts, *, kept: int = KEPT) -> None:
        """Read nothing yet.

        Args:
            parts: Of the run.
            kept: Events that are kept, beside the part that was read last.
        """
        self._parts = parts
        self._kept = kept
        self._size = 0
        """Events of what is read."""
        self._read: dict[str | None, dict[str, list[Recorded]]] = {}

    async def at(self, ref: Ref) -> Recorded | None:
        """Give an event. None: there is none."""
        if not 0 < ref.version <= self._parts.versions.get(ref.stream, 0):
            return None
        part = part_of(ref.stream)
        if (found := self._read.pop(part, None)) is None:
            found = (await self._parts.read([part]))[part]
            self._size += self._parts.size(part)
        self._read[part] = found  # as the one that was looked at last
        while len(self._read) > 1 and self._size > self._kept:
            first = next(iter(self._read))
            del self._read[first]
            self._size -= self._parts.size(first)
        return found[ref.stream][ref.version - 1]


async def load_parts(log: EventLog, run: str) -> HistoryParts:
    """Look up which streams a run has.

    Raises:
        RunUnknown: There is no such run.
    """
    lineage = await lineage_of(log, run)
    streams = await streams_along(log, lineage)
    versions = {name: last for name, last in streams.items() if not name.startswith(DERIVED)}
    if not versions:
        raise RunUnknown(run)
    return HistoryParts(log, lineage, versions)


async def load_by_trial(log: EventLog, run: str) -> tuple[RunHistory, TrialHistories]:
    """Read what a run has recorded of itself, each part when it is needed.

    Returns:
        The histories, and what must hold a part while it is read.

    Raises:
        RunUnknown: There is no such run.
    """
    parts = await load_parts(log, run)
    trials = TrialHistories(parts)
    await trials.read_own()
    lineage, own = parts.lineage, trials.get(SESSION, ())
    earlier = await ancestral_sessions(log, lineage, await last_shared(log, lineage)) if len(lineage) > 1 else []
    return RunHistory(trials, starts_in([*earlier, *own]), lineage, earlier), trials
