"""Group commit without a background task: whoever comes first to an idle log writes for all who come meanwhile.

Callers join a batch. The first of a batch leads it: it waits for the batch before it, seals its own, and
writes it in one transaction. The others wait for one shared signal. So a batch grows exactly as long as the
disk is busy, and no timer decides.
"""

from collections.abc import Awaitable, Callable, Sequence

from anyio import CancelScope, Lock
from anyio import Event as Signal
from anyio.lowlevel import checkpoint_if_cancelled

from events.base import Appended, Draft, Fence, StreamId
from events.draft import Ready

MOST_ROWS = 4_096
MOST_BYTES = 4 << 20
"""Where a batch is full, up to one more append: it bounds how long a caller waits, and memory."""


class Entry:
    """One append on its way into the log. It ends with a place or an error."""

    __slots__ = ("appended", "drafts", "error", "expected", "fence", "ready", "stream")

    def __init__(
        self, stream: StreamId, drafts: Sequence[Draft], ready: Sequence[Ready], expected: int, fence: Fence | None
    ) -> None:
        self.stream = stream
        self.drafts = drafts
        self.ready = ready
        self.expected = expected
        self.fence = fence
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
        self.entries: list[Entry] = []
        self.rows = 0
        self.size = 0
        self.led = False
        """Whether one of its callers has taken it on."""
        self.sealed = False
        """Whether it is being written; nobody joins or leaves any more."""
        self.changed = Signal()
        """Set when it was written, or needs another leader."""


Write = Callable[[Callable[[], Sequence[Entry]]], Awaitable[None]]
"""Writes the entries that the argument gives, and settles each of them.

It calls its argument late, when it is ready to write: until then callers may join.
"""


class Group:
    """Gathers appends into batches and sees that each is written once."""

    def __init__(self, write: Write, after: Callable[[], Awaitable[None]]) -> None:
        """Say how a batch is written, and what is done each time its callers were told."""
        self.turn = Lock(fast_acquire=True)
        """Held by whoever uses the writing connection."""
        self._write = write
        self._after = after
        self._gathering = Batch()

    async def submit(self, entry: Entry) -> None:
        """Have an entry written; it is settled afterwards.

        Cancelled, it was kept whole or not at all, and everybody else's entry is unharmed.
        """
        batch = self._join(entry)
        while not entry.settled:
            if not batch.led:
                await self._lead(batch, entry)
                continue
            try:
                await batch.changed.wait()
            except BaseException:
                if not batch.sealed:
                    batch.entries.remove(entry)
                raise

    def _join(self, entry: Entry) -> Batch:
        """Add an entry to the batch that is gathering."""
        batch = self._gathering
        if batch.sealed or batch.rows >= MOST_ROWS or batch.size >= MOST_BYTES:
            batch = self._gathering = Batch()
        batch.entries.append(entry)
        batch.rows += len(entry.ready)
        for _, _, payload, _ in entry.ready:
            batch.size += len(payload)
        return batch

    async def _lead(self, batch: Batch, own: Entry) -> None:
        """Write a batch, one's own entry among the others."""
        batch.led = True
        try:
            await checkpoint_if_cancelled()
            # An anyio cancellation waits until the transaction has ended. A native one (Ctrl-C under asyncio.run
            # cancels the main task) breaks through every shield; `write` then finds out what the file holds.
            with CancelScope(shield=True):
                async with self.turn:
                    await self._write(lambda: self._seal(batch))
                    self._wake(batch)
                    await self._after()
        except BaseException:
            if not own.settled:
                batch.entries.remove(own)
            raise
        finally:
            batch.led = False
            self._wake(batch)

    def _seal(self, batch: Batch) -> Sequence[Entry]:
        """Close a batch to newcomers and give what is still to be written."""
        batch.sealed = True
        return [entry for entry in batch.entries if not entry.settled]

    def _wake(self, batch: Batch) -> None:
        """Tell all who wait to look again."""
        changed, batch.changed = batch.changed, Signal()
        changed.set()
