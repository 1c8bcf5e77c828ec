"""Laying the events of an imported run out in streams, and appending what the log does not hold yet."""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from events.base import Draft, Event, Ref, StreamId
from events.store.base import Append, EventLog, Selection
from events.types.trial import TrialClosed
from events.values import NamedDigest

ALREADY: Final = "already imported"
"""Stands alone among the warnings of a run whose files the log holds."""


class AppendBatch(NamedTuple):
    """Events that are appended together."""

    stream: str
    """Relative to the run."""
    drafts: list[Draft]


class StreamBuilder:
    """Streams that grow in the order in which things happened."""

    def __init__(self) -> None:
        self.chunks: list[AppendBatch] = []
        self._versions: dict[str, int] = {}

    def add(self, stream: str, event: Event, cause: Ref | None = None) -> Ref:
        """Put an event behind what its stream holds."""
        if not self.chunks or self.chunks[-1].stream != stream:
            self.chunks.append(AppendBatch(stream, []))
        self.chunks[-1].drafts.append(Draft(event, cause))
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        return Ref(stream, version)

    def next(self, stream: str, ahead: int = 0) -> Ref:
        """Name the event that comes next in a stream, or one that many behind it."""
        return Ref(stream, self._versions.get(stream, 0) + 1 + ahead)


def run_id(source: str, task: str, files: Sequence[NamedDigest]) -> str:
    """Name a run after its source, its task and everything in its files: the same files give the same run."""
    slug = re.sub(r"[^a-z0-9]+", "-", task.lower())[:24].strip("-") or "task"
    told = "\n".join(f"{file.name} {file.digest}" for file in files)
    return f"{source}-{slug}-{sha256(told.encode()).hexdigest()[:8]}"


async def append(log: EventLog, run: str, chunks: Sequence[AppendBatch]) -> bool:
    """Append what is missing, whole or not at all. Says whether there was any.

    A part is there if an earlier version of ours was cut off while it imported.

    Raises:
        EventRefused: An event cannot be written. VersionConflict: Something else was written to the run.
    """
    expected = sum(isinstance(draft.event, TrialClosed) for chunk in chunks for draft in chunk.drafts)
    closed = [each async for each in log.read(Selection(run=run, tags=("trial.closed",)))]
    # Without a trial there is no such last event; nor was such a run ever written in parts.
    if len(closed) >= expected and (expected or await log.streams(run)):
        # Its last event is there. A later version of ours may tell the same files in other events: not beside these.
        return False
    there = await log.streams(run)
    versions: dict[str, int] = {}
    appends: list[Append] = []
    for stream, drafts in chunks:
        start = versions.get(stream, 0)
        versions[stream] = start + len(drafts)
        missing = drafts[max(0, there.get(stream, 0) - start) :]
        if missing:
            appends.append(Append(StreamId(run, stream), missing, versions[stream] - len(missing)))
    if appends:
        await log.append_all(appends)
    return bool(appends)
