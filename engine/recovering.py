"""Recovering: what becomes of an attempt whose sandbox a process had open that has ended.

If its sandbox still stands, and is where the log has it, the attempt goes on there. Else it is made again, if the spec
says so, or the attempt is given up. What was done is noted in the stream ``session``.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from engine.ports import Place
from engine.rebuilding import Held, rebuild
from engine.reopening import in_doubt, opened_in
from engine.sandbox_port import SandboxPort
from events.base import Event, Recorded
from events.session import SandboxNotReopened, SandboxReopened, ScopeStopped
from sandbox.base import Gone

Stand = int | Gone | None
"""Session in which a sandbox was made that may be gone on with; or why it may not. None: this run never had one."""


class Recovery(NamedTuple):
    """How sandboxes are recovered in this process."""

    sandboxes: SandboxPort
    note: Callable[[Event], Awaitable[object]]
    """Records what became of one."""
    rebuilds: bool
    """Whether one that is gone is made again."""
    noted: Sequence[Recorded]
    """The stream ``session`` as this process found it."""

    def stand(self, lost: Held, history: Sequence[Recorded], stream: str) -> Stand:
        """Say what the log says of a sandbox."""
        made = opened_in(self.noted, stream, lost)
        return made if made is None else in_doubt(history) or made

    async def bring_back(self, lost: Held, stand: Stand, place: Place) -> Event:
        """Take a sandbox up, or make it again.

        Returns:
            `SandboxReopened` or `SandboxRebuilt`, still to be recorded; or `ScopeStopped`: neither.
        """
        gone = stand if isinstance(stand, Gone) else None
        if isinstance(stand, int):
            gone = await self.sandboxes.reopen(lost.asked, place, stand)
            if gone is None:
                return SandboxReopened(place.stream, len(lost.done))
        if gone is not None:
            await self.note(SandboxNotReopened(place.stream, gone.why, gone.detail))
        if self.rebuilds:
            return await rebuild(lost, self.sandboxes, place)
        detail = "the sandbox ended with the process that held it"
        if gone is not None and gone.why != "not_kept":
            detail = f"the sandbox could not be gone on with: {gone.detail}"
        return ScopeStopped("sandbox_lost", detail)
