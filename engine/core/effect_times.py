"""How long an actor spent in effects, and how long it waited for leave to ask: a fold of recorded times, no timer."""

from collections.abc import Sequence

import msgspec


class EventTime(msgspec.Struct, frozen=True, gc=False):
    """When an event was recorded; zeros before there is one."""

    position: int
    at: int
    """Microseconds since 1970, UTC."""


class EffectTimes:
    """What one actor's events say of its time."""

    def __init__(self, sessions: Sequence[int]) -> None:
        """Prepare; `sessions` are positions at which processes took up the run."""
        self._sessions = sessions
        self._busy_us = 0
        self._idle_us = 0
        self.last = EventTime(0, 0)
        """Of the last event."""
        self.idle_since = EventTime(0, 0)
        """The same, leaving out decisions: live, those are recorded together with what comes next."""

    @property
    def busy_s(self) -> float:
        """Seconds spent in effects."""
        return self._busy_us / 1e6

    @property
    def idle_s(self) -> float:
        """Seconds spent waiting for leave to ask."""
        return self._idle_us / 1e6

    def recorded(self, position: int, at: int) -> None:
        """Take note of the last event."""
        self.last = self.idle_since = EventTime(position, at)

    def count_busy(self, asked: EventTime, answered: EventTime) -> None:
        """Count the time of an effect."""
        self._busy_us += self._lived_us(asked, answered)

    def count_idle(self, since: EventTime, asked: EventTime) -> None:
        """Count the time before an effect; before the first event there is none."""
        if since.position:
            self._idle_us += self._lived_us(since, asked)

    def _lived_us(self, since: EventTime, until: EventTime) -> int:
        """Give the time between two events, unless a process died in the middle of it.

        Nobody was waiting then. A clock that was set back meanwhile says less than nothing: that counts as nothing, and
        gives no time back.
        """
        for session in self._sessions:
            if since.position < session < until.position:
                return 0
        return max(0, until.at - since.at)
