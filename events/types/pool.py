"""Facts about pools: how many things go on at a time. Stream ``session``; nothing a run decides rests on them."""

from typing import Literal

import msgspec

from events.base import Event


class PoolSize(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many places a pool has."""

    pool: str
    """``builds``, ``sandboxes``, ``verifiers``, or ``calls`` with address and model."""
    start: int
    least: int
    most: int


class PoolsOpened(Event, frozen=True, tag="pool.opened"):
    """A process opened the pools of its run: as the spec says, or as it found right for the machine."""

    pools: tuple[PoolSize, ...]


class PoolLimited(Event, frozen=True, tag="pool.limited"):
    """How many things may go on at a time has changed, or nothing new may begin for a while.

    Growth is recorded each time it comes to half again, and at the top.
    """

    pool: str
    reason: Literal["refused", "overloaded", "low", "grown", "tuned"]
    """Too many calls for the provider; too much load there; little left of its limits; all is well; a person."""
    before: int
    """Places at the last such event, or at first."""
    limit: int
    """Places now."""
    wait_s: float | None
    """Seconds for which nothing new begins, or, where little is left, between beginnings. None: no wait."""
    running: int
    waiting: int
