"""A log that cannot be read to its end is no log that was looked at: what stopped it is what is told."""

from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import count

import anyio
import pytest
from typing_extensions import override

from events.base import Draft, StreamId
from events.digest import Digest
from events.errors import LogCorrupt, LogError, LogLocked
from events.findings import Unreadable
from events.integrity.verify import verify
from events.store.base import EVERYTHING, Fetched, Row, Selection
from events.store.memory import MemoryLog
from tests.events.samples import observed

EVENTS = 50
"""Each a page of its own: more than are read ahead while blobs are waited for."""


class Failing(MemoryLog):
    """A log whose blobs cannot be read."""

    def __init__(self, error: LogError) -> None:
        ticks = count(1)
        super().__init__(clock=lambda: next(ticks))
        self._error = error

    @override
    async def rows(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Row]]:
        async for page in super().rows(selection):
            for row in page:
                yield [row]

    @override
    async def many(self, digests: Iterable[Digest]) -> AsyncIterator[Sequence[Fetched]]:
        raise self._error
        yield []


async def filled(error: LogError) -> Failing:
    """Fill it."""
    log = Failing(error)
    drafts = [Draft(observed(log.put(b"%d" % number))[0].event, None) for number in range(EVENTS)]
    await log.append(StreamId("r1", "s"), drafts, expected_version=0)
    return log


async def test_a_lock_is_raised_and_not_taken_for_damage() -> None:
    """Whoever asks again later gets an answer; reading events stops with the reading of blobs."""
    with anyio.fail_after(30), pytest.raises(LogLocked):
        await verify(await filled(LogLocked("log.db", 1.0)))


async def test_what_cannot_be_read_is_a_finding_and_ends_the_look() -> None:
    """It is told once, with the place up to which events were read."""
    with anyio.fail_after(30):
        report = await verify(await filled(LogCorrupt("the blobs", "the disk is gone")))
    assert not report.sound
    assert any(isinstance(each, Unreadable) for each in report.findings)
