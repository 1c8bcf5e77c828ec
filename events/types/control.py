"""Signals that operators send to a running run. Stream ``control``, written by the sender and handled by the owner.

What a signal changed in a trial is recorded in that trial, as `ScopeStopped`; a rerun does not need this stream.
"""

from events.base import Event
from events.types.session import SettingChange


class PauseOrdered(Event, frozen=True, tag="control.pause_ordered"):
    """Pause the run: finish in-flight calls, start no new ones."""

    author: str
    """Login name of the sender; not verified."""
    reason: str
    """Empty: none was given."""


class UnpauseOrdered(Event, frozen=True, tag="control.unpause_ordered"):
    """Continue a paused run."""

    author: str
    reason: str


class DrainOrdered(Event, frozen=True, tag="control.drain_ordered"):
    """Let running trials finish and start no new ones in this process."""

    author: str
    reason: str


class CancelOrdered(Event, frozen=True, tag="control.cancel_ordered"):
    """Cancel a trial or the whole run; in-flight calls are aborted."""

    author: str
    reason: str
    trial: str | None
    """None: the whole run."""


class TuneOrdered(Event, frozen=True, tag="control.tune_ordered"):
    """Change limits of the running run."""

    author: str
    reason: str
    changes: tuple[SettingChange, ...]
    """At least one."""


class OrderMet(Event, frozen=True, tag="control.order_met"):
    """The run's owner handled a signal, which is the cause of this event. Stream ``session``."""

    done: bool
    """False: nothing was done, because it was so already or is impossible."""
    detail: str
    """The new state, or why nothing was done."""
