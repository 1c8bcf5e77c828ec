"""What people have ordered of a run that is alive: to pause, to take up nothing new, to stop."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from engine.core.ports import Permit
from events.streams import CALL, family_of, trial_of
from events.types.session import ScopeStopped


class RunControls:
    """Orders in force. One per run and process."""

    def __init__(self) -> None:
        self._moved = anyio.Event()
        self._paused = False
        self._drained = False
        self._halted = False
        self._stops: dict[str | None, ScopeStopped] = {}
        self._leaves: dict[Permit, str | None] = {}

    @property
    def paused(self) -> bool:
        """Whether nothing new may be asked of the world."""
        return self._paused or self._halted

    @property
    def halted(self) -> bool:
        """Whether the run ends in this process: nothing new may be asked, whatever people order."""
        return self._halted

    @property
    def drained(self) -> bool:
        """Whether no further trial may begin."""
        return self._drained

    def pause(self) -> bool:
        """Finish in-flight calls, start no new ones. False: it was already paused."""
        before, self._paused = self._paused, True
        return not before

    def unpause(self) -> bool:
        """Go on. False: it was not paused."""
        before, self._paused = self._paused, False
        self._wake()
        return before

    def halt(self) -> None:
        """Have nothing new asked until the process ends; in-flight calls end."""
        self._halted = True

    def drain(self) -> bool:
        """Let running trials finish, start no new ones. False: it was already draining."""
        before, self._drained = self._drained, True
        return not before

    def cancel(self, trial: str | None, detail: str) -> None:
        """Stop a trial, or all of them (None): in-flight calls are aborted, and no new ones start."""
        stop = ScopeStopped("cancelled", detail)
        self._stops.setdefault(trial, stop)
        for leave, of in list(self._leaves.items()):
            if trial is None or of == trial:
                leave.order(stop)
        self._wake()

    @contextmanager
    def asking(self, stream: str) -> Iterator[Permit]:
        """Let orders reach whoever asks something from this stream, for as long as it asks."""
        leave = self.begin_asking(stream)
        try:
            yield leave
        finally:
            self.end_asking(leave)

    def begin_asking(self, stream: str) -> Permit:
        """Let orders reach whoever asks something from this stream, until `end_asking`."""
        # Calls of an installed agent end with the attempt that it is of.
        trial = None if family_of(stream) == CALL else trial_of(stream)
        leave = Permit(self._stops.get(None) or self._stops.get(trial) if self._stops else None)
        self._leaves[leave] = trial
        return leave

    def end_asking(self, leave: Permit) -> None:
        """Let no order reach whoever asked."""
        del self._leaves[leave]

    async def unpaused(self) -> None:
        """Wait while the run is paused."""
        while self.paused:
            await self._moved.wait()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()
