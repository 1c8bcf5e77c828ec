"""Ports through which chosen effects fail, to show that what of ours breaks is never taken for a score."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from engine.core.ports import EffectAddress, Permit, Port, Ports
from events.base import Event, Recorded
from events.digest import digest_of
from events.types.session import ScopeStopped

Fault: TypeAlias = Callable[[Event, EffectAddress], Event | None]
"""Gives the outcome of an effect that fails. None: it does not, and the world is asked."""


class FaultyPorts:
    """Ports in which some effects fail, and the world is not asked; as `RunContext.between` puts them in between."""

    def __init__(self, ports: Ports, fault: Fault) -> None:
        self._ports = ports
        self._fault = fault

    def handler_for(self, asked: Event) -> Port:
        """Find the port for this request; whether it fails is asked first."""
        port = self._ports.handler_for(asked)

        async def answer(asked: Event, place: EffectAddress) -> Event:
            failed = self._fault(asked, place)
            return await port(asked, place) if failed is None else failed

        return answer

    async def recover(self, history: Sequence[Recorded], place: EffectAddress) -> ScopeStopped | None:
        """Ask the ports."""
        return await self._ports.recover(history, place)

    def admit(self, asked: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
        """Wait where the ports have one wait."""
        return self._ports.admit(asked, place)

    def admit_child(self, child: str) -> AbstractAsyncContextManager[bool]:
        """Begin where the ports let one begin."""
        return self._ports.admit_child(child)


def struck(name: str, percent: int) -> bool:
    """Say whether something of this name is among so many percent, drawn by the name alone."""
    return int(digest_of(name.encode())[:8], 16) % 100 < percent
