"""Ports that wait for nothing before a call is made again: everything else is as it is."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from engine.core.ports import EffectAddress, Permit, Port, Ports
from events.base import Event, Recorded
from events.types.model import RetryAsked, RetryDue
from events.types.session import ScopeStopped


class Hasty:
    """Stands before the ports of a run; see `engine.runtime.context.Setting.between`."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def handler_for(self, asked: Event) -> Port:
        """Find the port, or say at once that the time has come."""
        return _at_once if isinstance(asked, RetryAsked) else self._ports.handler_for(asked)

    async def recover(self, history: Sequence[Recorded], place: EffectAddress) -> ScopeStopped | None:
        """Ask the ports."""
        return await self._ports.recover(history, place)

    def admit(self, asked: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
        """Ask the ports."""
        return self._ports.admit(asked, place)

    def admit_child(self, child: str) -> AbstractAsyncContextManager[bool]:
        """Ask the ports."""
        return self._ports.admit_child(child)


async def _at_once(asked: Event, place: EffectAddress) -> Event:
    del asked, place
    return RetryDue()
