"""A log in memory and one in a file, driven side by side: whatever is asked of one is asked of the other."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from events.base import StreamId
from events.errors import StillroomError
from events.redaction.redactor import Redactor
from events.store.base import EventLog, Head, Row, Selection
from events.store.memory import MemoryLog
from events.store.sqlite.store import Settings, SqliteLog
from tests.events.samples import SECRETS

T = TypeVar("T")
Work = Callable[[EventLog], Awaitable[T]]
"""Something to do with a log."""

QUICK: Final = Settings(patience_s=10.0, poll_s=0.01)


class Hand:
    """A clock that shows what it was set to, so that both logs read the same time however often they look."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def __call__(self) -> int:
        """Look."""
        return self.now


Clocked = tuple[EventLog, Hand]
"""A log, and the clock it reads."""


class Twins:
    """One `MemoryLog`, and two `SqliteLog`s on one file."""

    def __init__(self) -> None:
        self.clock = Hand()
        self._folder = TemporaryDirectory(prefix="twins-", ignore_cleanup_errors=True)
        self._path = Path(self._folder.name) / "log.db"
        self._entered: AbstractContextManager[BlockingPortal] = start_blocking_portal()
        self._portal = self._entered.__enter__()
        self.memory = MemoryLog(clock=self.clock, redactor=Redactor(SECRETS))
        self.files = [self.run(self._opened) for _ in range(2)]

    def run(self, work: Callable[..., Awaitable[T]], *given: Any) -> T:
        """Run something on the event loop of the logs, and wait for it."""
        return self._portal.call(work, *given)

    def reopen(self, *which: int) -> None:
        """Close some of the logs on the file, all of them before the first is opened again."""
        for index in which:
            self.run(self.files[index].close)
        for index in which:
            self.files[index] = self.run(self._opened)

    def both(self, which: int, work: Work[T]) -> T | StillroomError:
        """Ask the memory and one of the logs on the file, and see that they say the same, or fail the same way."""
        kept, wanted = self.run(ending, work, self.files[which]), self.run(ending, work, self.memory)
        assert told(kept) == told(wanted), (kept, wanted)
        return kept

    def agree(self) -> None:
        """See that everybody holds the same, whoever is asked."""
        wanted = self.run(held, self.memory)
        for log in self.files:
            assert self.run(held, log) == wanted

    def race(self, work: Work[Any]) -> None:
        """Let both logs on the file do the same thing at once; the memory does it twice: so may it end."""
        ends = self.run(_race, work, self.files)
        wanted = [self.run(ending, work, self.memory) for _ in range(2)]
        assert sorted(map(repr, map(told, ends))) == sorted(map(repr, map(told, wanted)))

    def head(self) -> Head:
        """Say how far the logs reach."""
        return self.run(self.memory.head)

    def version(self, stream: StreamId) -> int:
        """Say where a stream stands."""
        return self.run(self.memory.streams, stream.run).get(stream.name, 0)

    def close(self) -> None:
        """Let go of everything."""
        for log in self.files:
            self.run(log.close)
        self._entered.__exit__(None, None, None)
        self._folder.cleanup()

    async def _opened(self) -> SqliteLog:
        return await SqliteLog.open(self._path, clock=self.clock, redactor=Redactor(SECRETS), settings=QUICK)


async def ending(work: Work[T], log: EventLog) -> T | StillroomError:
    """Do it, and give what came of it: a value, or an error of ours."""
    try:
        return await work(log)
    except StillroomError as error:
        return error


def told(result: object) -> object:
    """Make results comparable: of an error its kind, its words and its fields."""
    if isinstance(result, StillroomError):
        return type(result), str(result), {name: value for name, value in vars(result).items() if name[0] != "_"}
    if isinstance(result, list):
        return [told(each) for each in result]
    return result


async def rows(log: EventLog, selection: Selection) -> list[Row]:
    """Read everything that is selected, digests included."""
    return [row async for page in log.rows(selection) for row in page]


async def held(log: EventLog) -> tuple[Any, ...]:
    """Say all that a log holds, but for blobs that were not looked for."""
    runs = await log.runs()
    return (
        await log.head(),
        await rows(log, Selection()),
        [(run, list((await log.streams(run)).items())) for run in runs],
        await log.leases(),
        await log.erasures(),
    )


async def cancelled_after(steps: int, works: list[Work[Any]], log: EventLog) -> None:
    """Start all of it together, and cancel it after some steps of the event loop."""

    async def begin(work: Work[Any]) -> None:
        await ending(work, log)

    async with anyio.create_task_group() as tasks:
        for work in works:
            tasks.start_soon(begin, work)
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def _race(work: Work[Any], logs: Sequence[EventLog]) -> list[object]:
    ends: list[object] = []

    async def begin(log: EventLog) -> None:
        ends.append(await ending(work, log))

    async with anyio.create_task_group() as tasks:
        for log in logs:
            tasks.start_soon(begin, log)
    return ends


async def together(works: list[Work[Any]], log: EventLog) -> list[object]:
    """Start all of it together; give what came of each, in the order given."""
    ends: dict[int, object] = {}

    async def begin(index: int, work: Work[Any]) -> None:
        ends[index] = await ending(work, log)

    async with anyio.create_task_group() as tasks:
        for index, work in enumerate(works):
            tasks.start_soon(begin, index, work)
    return [ends[index] for index in range(len(works))]
