"""Recovering: what becomes of an attempt whose sandbox a process had open that has ended.

If its sandbox still stands, and is where the log has it, the attempt goes on there. Else it is made again, if the spec
says so, or the attempt is given up. What was done is noted in the stream ``session``.

Reopening: which sandboxes of a run may be gone on with as they stand, by what the log says of them. Pure.

A sandbox is exactly where the log has it if everything that was asked of it was answered on record. While something
was asked and not answered, nobody knows how much of it was done, or whether it still goes on.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

from engine.core.ports import EffectAddress
from engine.effects.sandboxes import SandboxPort
from engine.runtime.replay_commands import SandboxHistory, held, rebuild
from events.base import Event, Recorded
from events.codec import tag_of
from events.types.budget import BudgetAsked
from events.types.model import ModelAsked
from events.types.session import (
    SandboxNotReopened,
    SandboxRebuilt,
    SandboxReopened,
    ScopeStopped,
    SessionEnded,
    SessionStarted,
)
from sandbox.base import SandboxGone

MOST_DEATHS: Final = 5
"""Processes that may die, one after the other, over the same place of an attempt before it is given up."""


def in_doubt(history: Sequence[Recorded]) -> SandboxGone | None:
    """Say why the sandbox that a stream relies on may not be where the log has it. None: it is there, if anywhere."""
    last = history[-1].event
    if isinstance(last, ModelAsked | BudgetAsked) or not tag_of(last).endswith("asked"):
        return None
    return SandboxGone("in_flight", f"{tag_of(last)} was under way in it when its process ended")


def opened_in(noted: Sequence[Recorded], stream: str, lost: SandboxHistory) -> int | None:
    """Say in which session a sandbox was made that is where the log has it.

    Args:
        noted: The stream ``session`` of this run.
        stream: That relies on the sandbox.
        lost: What the stream says of it.

    Returns:
        Its number. None: no process of this run made one. A fork has it from its parent, whose it is.
    """
    session: int | None = None
    made: int | None = None
    for each in noted:
        match each.event:
            case SessionStarted() as started:
                session = started.token
            case SandboxRebuilt() as again if again.stream == stream and each.position > lost.opened.position:
                made = session
            case _:
                pass
        if each.position < lost.opened.position:
            made = session
    return made


def standing(histories: Mapping[str, Sequence[Recorded]]) -> list[str]:
    """Name the streams whose sandboxes may be gone on with, if they still stand."""
    return [
        name
        for name, history in histories.items()
        if held(history) is not None and in_doubt(history) is None and not isinstance(history[-1].event, ScopeStopped)
    ]


def deaths(noted: Sequence[Recorded], history: Sequence[Recorded], stream: str) -> int:
    """Count the processes that died over what a sandbox was at, or while they made it again: by its own doing, perhaps.

    One that died at a model call, with the sandbox made again, is not counted, nor one that ended in good order.

    Args:
        noted: The stream ``session`` as this process found it.
        history: Of the stream that relies on the sandbox, which was lost.
        stream: Its name.
    """
    died, under_way, doubtful = 1, False, in_doubt(history) is not None
    for each in noted:
        match each.event:
            case SessionStarted():
                died, under_way = died + under_way, False
            case SandboxNotReopened() as lost if lost.stream == stream and each.position > history[-1].position:
                under_way = True
            case SandboxRebuilt() as again if again.stream == stream and not doubtful:
                under_way = False
            case SessionEnded():
                under_way = False
            case _:
                pass
    return died + under_way


Stand = int | SandboxGone | None
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

    def stand(self, lost: SandboxHistory, history: Sequence[Recorded], stream: str) -> Stand:
        """Say what the log says of a sandbox."""
        made = opened_in(self.noted, stream, lost)
        return made if made is None else in_doubt(history) or made

    async def bring_back(
        self, lost: SandboxHistory, stand: Stand, place: EffectAddress, history: Sequence[Recorded]
    ) -> Event:
        """Take a sandbox up, or make it again.

        Returns:
            `SandboxReopened` or `SandboxRebuilt`, still to be recorded; or `ScopeStopped`: neither.
        """
        gone = stand if isinstance(stand, SandboxGone) else None
        if isinstance(stand, int):
            gone = await self.sandboxes.reopen(lost.asked, place, stand)
            if gone is None:
                return SandboxReopened(place.stream, len(lost.done))
        if gone is not None:
            await self.note(SandboxNotReopened(place.stream, gone.why, gone.detail))
        if self.rebuilds and deaths(self.noted, history, place.stream) >= MOST_DEATHS:
            return ScopeStopped("sandbox_lost", f"{MOST_DEATHS} processes ended without warning at this place of it")
        if self.rebuilds:
            return await rebuild(lost, self.sandboxes, place)
        detail = "the sandbox ended with the process that held it"
        if gone is not None and gone.why != "not_kept":
            detail = f"the sandbox could not be gone on with: {gone.detail}"
        return ScopeStopped("sandbox_lost", detail)
