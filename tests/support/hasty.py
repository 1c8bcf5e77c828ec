"""Ports that wait for nothing before a call is made again: everything else is as it is."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from engine.core.ports import Leave, Place, Port, Ports
from events.base import Event, Recorded
from events.types.model import RetryAsked, RetryDue
from events.types.session import ScopeStopped


class Hasty:
    """Stands before the ports of a run; see `engine.runtime.context.Setting.between`."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def door(self, asked: Event) -> Port:
        """Find the port, or say at once that the time has come."""
        return _at_once if isinstance(asked, RetryAsked) else self._ports.door(asked)

    async def recover(self, history: Sequence[Recorded], place: Place) -> ScopeStopped | None:
        """Ask the ports."""
        return await self._ports.recover(history, place)

    def leave(self, asked: Event, place: Place) -> AbstractAsyncContextManager[Leave]:
        """Ask the ports."""
        return self._ports.leave(asked, place)

    def start(self, child: str) -> AbstractAsyncContextManager[bool]:
        """Ask the ports."""
        return self._ports.start(child)


async def _at_once(asked: Event, place: Place) -> Event:
    del asked, place
    return RetryDue()
