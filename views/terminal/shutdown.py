"""Stopping a process that is told to by a signal: in good order at first, quicker at the second, at once at the third.

SIGINT (Ctrl-C), SIGTERM and SIGHUP count alike. A signal that was ignored when the process started (`nohup`, a job in
the background of a script) stays ignored.

The third must end the process whatever it does: the event loop may be stuck, or a thread may never end. So a thread of
its own counts the signals, which C code writes into a socket (`signal.set_wakeup_fd`) whatever Python does meanwhile.
"""

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from types import FrameType, TracebackType
from typing import IO, Any, Final, Literal, NoReturn, Self

import anyio
from anyio.abc import TaskGroup

from engine.runtime.session import Session
from events.errors import ExitCode, StillroomError
from events.types.session import SignalReceived

Name = Literal["SIGINT", "SIGTERM", "SIGHUP"]

CODES: Final[dict[Name, ExitCode]] = {
    "SIGINT": ExitCode.INTERRUPTED,
    "SIGTERM": ExitCode.TERMINATED,
    "SIGHUP": ExitCode.HUNG_UP,
}
"""What the shell is told: 128 and the number of the first signal, as for a process that a signal killed."""
RECORD_S: Final = 1.0
"""Seconds that recording a signal may hold up the stop."""
PATIENCE_S: Final = 5.0
"""Seconds after the second signal in which the end is recorded; then the process exits whatever it does."""
_CURSOR_S: Final = 0.2
_SHOW_CURSOR: Final = "\x1b[?25h"


class Interrupted(Exception):
    """A signal stopped what the process was doing."""

    def __init__(self, name: Name) -> None:
        super().__init__(name)
        self.signal = name


class Shutdown:
    """Signals of one process, counted. A context: they are heeded while it is open. For the main thread."""

    def __init__(self, stderr: IO[str], leave: Callable[[int], NoReturn] = os._exit) -> None:
        """Prepare.

        Args:
            stderr: Where people are told what happens.
            leave: Ends the process at once.
        """
        self.received: list[Name] = []
        """In the order in which they came."""
        self.session: Session | None = None
        """The hold on the run that is carried at this moment. None: none is, or it is not on record yet."""
        self._stderr = stderr
        self._leave = leave
        self._listening = False
        self._names: dict[int, Name] = {}
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._bell, self._heard = socket.socketpair()
        self._told, self._tell = socket.socketpair()
        for each in (self._bell, self._told, self._tell):
            each.setblocking(False)
        names: tuple[Name, ...] = ("SIGINT", "SIGTERM", "SIGHUP")
        for name in names:
            number = getattr(signal, name)
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._names[number] = name
                self._before[number] = signal.signal(number, self._raise)
        self._fd_before = signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        Thread(target=self._count, name="signals", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for each in (self._bell, self._told, self._tell):  # the first ends the thread
            each.close()

    @property
    def code(self) -> ExitCode | None:
        """What the shell is told of a process that was stopped. None: it was not."""
        return CODES[self.received[0]] if self.received else None

    async def listen(self, work: anyio.CancelScope) -> None:
        """Stop some work when a signal says so; ends only by being cancelled.

        Args:
            work: Where it is done. It is cancelled at the first signal, and must leave in good order.
        """
        self._listening = True
        try:
            async with anyio.create_task_group() as group:
                while True:
                    await anyio.wait_readable(self._told)
                    with suppress(BlockingIOError):
                        self._told.recv(64)
                    if not work.cancel_called:
                        await self._stop(work, group)
                    if len(self.received) > 1:
                        await self._hurry()
        finally:
            self._listening = False

    async def _stop(self, work: anyio.CancelScope, group: TaskGroup) -> None:
        """Record the signal, and stop in good order."""
        name = self.received[0]
        if self.session is not None:
            self._say(f"stopping ({name}): closing sandboxes and recording the end; a second signal skips the clean-up")
            self.session.later(SignalReceived(name))
            recorded = anyio.Event()
            group.start_soon(self._record, self.session, recorded)
            with anyio.move_on_after(RECORD_S):
                await recorded.wait()
        work.cancel()

    async def _record(self, session: Session, recorded: anyio.Event) -> None:
        """Record the signal at once: a clean-up may take longer than whoever sent it waits."""
        with suppress(StillroomError):
            await session.flush()
        recorded.set()

    async def _hurry(self) -> NoReturn:
        """Record the end, and leave without cleaning up. The counting thread leaves if this takes too long."""
        if self.session is not None:
            self._say("stopping without clean-up: `stillroom resume` or `stillroom sandbox gc` removes what is left")
            with suppress(StillroomError):
                await self.session.end("interrupted")
        self._exit()

    def _raise(self, number: int, frame: FrameType | None) -> None:
        """Stop what runs without an event loop. With one, `listen` does."""
        del frame
        if not self._listening:
            raise KeyboardInterrupt(self._names[number])  # by name: the counting thread may not have counted it yet

    def _count(self) -> None:
        """Count signals, pass them on, and end the process at the third, or when the second did not end it."""
        while numbers := self._next():
            for name in [self._names[number] for number in numbers if number in self._names]:
                self.received.append(name)
                if len(self.received) > 2:
                    self._exit()
                if len(self.received) == 2:
                    self._heard.settimeout(PATIENCE_S)
                with suppress(OSError):
                    self._tell.send(b".")

    def _next(self) -> bytes:
        """Wait for signals, and give their numbers; none: nobody heeds them any more."""
        try:
            numbers = self._heard.recv(64)
        except TimeoutError:
            self._exit()
        if not numbers:
            self._heard.close()
        return numbers

    def _exit(self) -> NoReturn:
        """End the process now: no thread, lock or clean-up can hold it up."""
        # A terminal may be stopped (Ctrl-S), and then holds up whoever writes to it.
        showing = Thread(target=self._show_cursor, daemon=True)
        showing.start()
        showing.join(_CURSOR_S)
        self._leave(int(CODES[self.received[0]]))

    def _show_cursor(self) -> None:
        """Show the cursor, which a live picture hides."""
        with suppress(OSError, ValueError):
            if self._stderr.isatty():
                os.write(self._stderr.fileno(), _SHOW_CURSOR.encode())

    def _say(self, words: str) -> None:
        """Tell people, if there is still a terminal."""
        with suppress(OSError, ValueError):
            print(words, file=self._stderr, flush=True)
