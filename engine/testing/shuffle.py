"""Ports that answer in another order for each seed, to show that the order of completion decides nothing by itself."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

from anyio.lowlevel import checkpoint

from engine.core.ports import EffectAddress, Permit, Port, Ports
from events.base import Event, Recorded
from events.digest import digest_of
from events.types.session import ScopeStopped

MOST_TURNS: Final = 64
"""Turns of the event loop that a request, and then its answer, may be held back. An effect itself takes a few."""


class Shuffled:
    """Holds every request and every answer back, for as long as seed and place say. No clock is asked."""

    def __init__(self, ports: Ports, *, seed: int) -> None:
        self._ports = ports
        self._seed = seed

    def handler_for(self, asked: Event) -> Port:
        """Find the port for this request, and stand before it."""
        return partial(self._late, self._ports.handler_for(asked))

    async def recover(self, history: Sequence[Recorded], place: EffectAddress) -> ScopeStopped | None:
        """What is gone stays gone in any order."""
        return await self._ports.recover(history, place)

    def admit(self, asked: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
        """Wait where the ports have one wait."""
        return self._ports.admit(asked, place)

    def admit_child(self, child: str) -> AbstractAsyncContextManager[bool]:
        """Begin where the ports let one begin."""
        return self._ports.admit_child(child)

    async def _late(self, port: Port, asked: Event, place: EffectAddress) -> Event:
        await self._wait("asked", place)
        outcome = await port(asked, place)
        await self._wait("answered", place)
        return outcome

    async def _wait(self, moment: str, place: EffectAddress) -> None:
        drawn = digest_of(f"{self._seed}/{moment}/{place.stream}/{place.version}".encode())
        for _ in range(int(drawn[:8], 16) % MOST_TURNS):
            await checkpoint()
