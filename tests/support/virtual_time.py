"""Virtual time: an event loop whose clock jumps to the next timer as soon as nothing else is left to do.

A story of an hour takes as long as its steps, and comes out the same each time. What would wait for ever is found at
once: no task is ready and no timer is set. For stories without threads and sockets.
"""

import asyncio  # noqa: TID251 - an event loop is made here
import math
import selectors
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import anyio
from typing_extensions import override

T = TypeVar("T")


class Hung(Exception):
    """Nothing is ready, no timer is set, and the story has not ended."""


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: it moves the clock on instead."""

    def __init__(self, idle: Callable[[float], None]) -> None:
        super().__init__()
        self.now = 0.0
        self._idle = idle

    @override
    def select(self, timeout: float | None = None) -> Sequence[tuple[selectors.SelectorKey, int]]:  # type: ignore[override]
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        self._idle(self.now)
        if timeout is None:
            raise Hung
        # A timer may be closer than two neighbouring numbers are: it would be set again and again.
        self.now = max(self.now + timeout, math.nextafter(self.now, math.inf))
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on that clock."""

    def __init__(self, idle: Callable[[float], None]) -> None:
        self._jumping = _Jumping(idle)
        super().__init__(self._jumping)

    @override
    def time(self) -> float:
        return self._jumping.now


def nothing(now: float) -> None:
    """Look at nothing."""
    del now


def run_virtually(story: Callable[..., Awaitable[T]], *arguments: Any, idle: Callable[[float], None] = nothing) -> T:
    """Run a story in virtual time.

    Args:
        story: What to run.
        arguments: Of it.
        idle: Told the time before the clock moves on, when every task has gone as far as it can.

    Raises:
        Hung: It would never end.
    """
    return anyio.run(story, *arguments, backend_options={"loop_factory": lambda: _VirtualLoop(idle)})
