"""Group commit without a background task: whoever comes first to an idle log writes for all who come meanwhile.

Callers join a batch. The first of a batch leads it: it waits until the batch is due and has it written in one
transaction; the others wait for one shared signal. A batch is due when none is being written. A full one is due
earlier, behind the one being written: so the file is written to without a break, while callers prepare what comes
next. No timer decides.
"""

from collections.abc import Awaitable, Callable, Sequence

from anyio import CancelScope, Lock
from anyio import Event as Signal

from events.base import Appended, Draft, Fence, StreamId
from events.store.draft import Ready

FULL_ROWS = 512
FULL_BYTES = 2 << 20
"""From here on a batch is full. Smaller ones commit too often (a commit takes as long as 60 events do); with larger
ones fewer callers are there to prepare the next batch meanwhile."""

MOST_UNDERWAY = 2
"""Batches handed over at once: one is written, and one is next."""


class PendingAppend:
    """One append on its way into the log. It ends with a place or an error."""

    __slots__ = ("appended", "drafts", "error", "expected", "fence", "ready", "redacted", "size", "stream")

    def __init__(
        self, stream: StreamId, drafts: Sequence[Draft], ready: Sequence[Ready], expected: int, fence: Fence | None
    ) -> None:
        self.stream = stream
        self.drafts = drafts
        self.ready = ready
        self.expected = expected
        self.fence = fence
        self.size = 0
        """Bytes of the payloads."""
        for _, _, payload in ready:
            self.size += len(payload)
        self.redacted = False
        """Whether the drafts are others than were given, since those held a known secret."""
        self.appended: Appended | None = None
        self.error: Exception | None = None

    @property
    def settled(self) -> bool:
        """Whether it is known how it ended."""
        return self.appended is not None or self.error is not None


class Batch:
    """Appends that are written in one transaction."""

    __slots__ = ("changed", "entries", "led", "rows", "sealed", "size")

    def __init__(self) -> None:
        self.entries: list[PendingAppend] = []
        self.rows = 0
        self.size = 0
        self.led = False
        """Whether one of its callers has taken it on."""
        self.sealed = False
        """Whether it was handed over; nobody joins or leaves any more."""
        self.changed = Signal()
        """Set when it was written, or needs another leader."""

    @property
    def full(self) -> bool:
        """Whether it is large enough to be written by itself."""
        return self.rows >= FULL_ROWS or self.size >= FULL_BYTES


Write = Callable[[Sequence[PendingAppend]], Awaitable[None]]
"""Writes entries in one transaction and settles each of them, in the order in which it is called.

What it was called for it carries out, even if its caller is cancelled.
"""


class GroupCommit:
    """Gathers appends into batches and sees that each is written once."""

    def __init__(self, write: Write, after: Callable[[], Awaitable[None]]) -> None:
        """Say how a batch is written, and what is done each time its callers were told."""
        self._write = write
        self._after = after
        self._gathering = Batch()
        self._underway = 0
        self._line = Lock()
        """Held by the leader whose batch is to be handed over next."""
        self._stirred = Signal()
        """Set when that batch may have become due."""

    async def submit(self, entry: PendingAppend) -> None:
        """Have an entry written; it is settled afterwards.

        Cancelled, it was kept whole or not at all, and everybody else's entry is unharmed.
        """
        batch = self._join(entry)
        while not entry.settled:
            try:
                if batch.led:
                    await batch.changed.wait()
                else:
                    await self._lead(batch)
            except BaseException:
                if not batch.sealed:
                    batch.entries.remove(entry)
                raise

    def _join(self, entry: PendingAppend) -> Batch:
        """Add an entry to the batch that is gathering."""
        batch = self._gathering
        if batch.sealed or batch.full:
            batch = self._gathering = Batch()
        batch.entries.append(entry)
        batch.rows += len(entry.ready)
        batch.size += entry.size
        if batch.full:
            self._stirred.set()
        return batch

    async def _lead(self, batch: Batch) -> None:
        """Have a batch written, one's own entry among the others."""
        batch.led = True
        try:
            if batch.sealed:
                # Its leader was cancelled meanwhile. Writes follow each other: when this one has ended, that one has.
                await self._write(())
            else:
                await self._seal(batch)
            await self._hand_over(batch)
        finally:
            batch.led = False
            self._wake(batch)

    async def _seal(self, batch: Batch) -> None:
        """Wait until a batch is due, and close it."""
        # Waiting for one's place lets callers that were woken together come together.
        async with self._line:
            while self._underway == MOST_UNDERWAY or (self._underway and not batch.full):
                self._stirred = Signal()
                await self._stirred.wait()
            batch.sealed = True

    async def _hand_over(self, batch: Batch) -> None:
        """Write a closed batch."""
        # An anyio cancellation waits until the transaction has ended. A native one (Ctrl-C under asyncio.run cancels
        # the main task) breaks through every shield; another caller then takes over.
        with CancelScope(shield=True):
            self._underway += 1
            try:
                await self._write([entry for entry in batch.entries if not entry.settled])
            finally:
                self._underway -= 1
                self._stirred.set()
            self._wake(batch)
            await self._after()

    def _wake(self, batch: Batch) -> None:
        """Tell all who wait to look again."""
        changed, batch.changed = batch.changed, Signal()
        changed.set()
