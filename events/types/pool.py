"""Facts about pools, which limit concurrency. Stream ``session``; no decision of a run depends on them."""

from typing import Literal

import msgspec

from events.base import Event


class PoolSize(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of a pool."""

    pool: str
    """``builds``, ``sandboxes``, ``verifiers``, or ``calls`` with address and model."""
    start: int
    least: int
    most: int


class PoolsOpened(Event, frozen=True, tag="pool.opened"):
    """A process opened the pools of its run, with limits from the spec or derived from the machine."""

    pools: tuple[PoolSize, ...]


class PoolLimited(Event, frozen=True, tag="pool.limited"):
    """The limit of a pool changed, or the pool admits nothing new for a while.

    Growth is recorded each time the limit has grown by half, and at the maximum.
    """

    pool: str
    reason: Literal["refused", "overloaded", "low", "grown", "tuned"]
    """The provider's rate limit was hit; it was overloaded; its limit is almost used up; no problems; an operator."""
    before: int
    """Limit at the previous such event, or at the start."""
    limit: int
    """The new limit."""
    wait_s: float | None
    """Seconds without new admissions or, for ``low``, between admissions. None: no wait."""
    running: int
    waiting: int
