"""Supervision of what runs beside the actors: a part that fails is recorded and restarted, and never ends the run.

Whatever only serves a run (its notes, orders to it, the watch over the disk, progress, the gateway, clean-up) may fail
without any trial being worse for it. Only an error that says that the run is not ours any more ends it.
"""

import traceback
from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from events.base import Event
from events.errors import FenceLost, LogError, LogLost, StillroomError
from events.store.base import BlobStore
from events.types.session import BackgroundFailed

FATAL: Final = (FenceLost, LogLost)
"""Errors that end a run wherever they are met: another process owns it, or its log was taken away."""
FIRST_WAIT_S: Final = 0.5
"""Seconds before the first restart of a part; each further one in a row waits twice as long."""
LONGEST_WAIT_S: Final = 60.0
"""Where doubling stops. A part that ran for this long before it failed again is restarted as at first."""


class Supervisor:
    """Runs parts, and records their failures. One per run and process."""

    def __init__(self, blobs: BlobStore, record: Callable[[Event], None]) -> None:
        """Say where failures go.

        Args:
            blobs: Where tracebacks are kept.
            record: Has an event recorded in the stream ``session``; it must not wait or fail.
        """
        self._blobs = blobs
        self._record = record

    async def keep(self, part: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a part until it ends by itself or is cancelled; restart it each time it fails.

        Args:
            part: Its name, as in `BackgroundFailed`.
            work: The part; called anew for each restart.

        Raises:
            FenceLost: The run is not ours any more.
        """
        wait_s = FIRST_WAIT_S
        while True:
            began = anyio.current_time()
            try:
                await work()
            except FATAL:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is recorded and the run goes on
                if anyio.current_time() - began >= LONGEST_WAIT_S:
                    wait_s = FIRST_WAIT_S
                self.failed(part, error, retry_in_s=wait_s)
            else:
                return
            await anyio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def once(self, part: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a part that is not repeated, such as a clean-up; if it fails, that is recorded.

        Raises:
            FenceLost: The run is not ours any more.
        """
        try:
            await work()
        except FATAL:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is recorded and the run goes on
            self.failed(part, error)

    def failed(self, part: str, error: Exception, *, retry_in_s: float | None = None) -> None:
        """Record that a part failed.

        Args:
            part: Its name.
            error: Why.
            retry_in_s: Seconds until it is restarted. None: it is not.
        """
        text = error.problem if isinstance(error, StillroomError) else str(error)
        try:
            kept = self._blobs.put("".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace"))
        except LogError:  # it cannot be kept; that it failed may still be recorded
            kept = None
        self._record(BackgroundFailed(part, type(error).__name__, _encodable(text), kept, retry_in_s))


def nowhere(event: Event) -> None:
    """Record a failure nowhere: for what is thrown away with the process."""
    del event


def _encodable(text: str) -> str:
    """Write what no event can hold in other characters: a message may quote any bytes."""
    return text.encode("utf-8", "backslashreplace").decode()
