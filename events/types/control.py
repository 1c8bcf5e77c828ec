"""Orders that people give a run that is alive. Stream ``control``, written by whoever orders; met by the run's owner.

What an order changed in a trial is recorded there, as `ScopeStopped`; a rerun does not need this stream.
"""

from events.base import Event
from events.types.session import SettingChange


class PauseOrdered(Event, frozen=True, tag="control.pause_ordered"):
    """Nothing new is to be asked of the world; what is under way comes to its end."""

    author: str
    """Who ordered it, in their own word; not verified."""
    reason: str
    """Empty: none was given."""


class UnpauseOrdered(Event, frozen=True, tag="control.unpause_ordered"):
    """A paused run is to go on."""

    author: str
    reason: str


class DrainOrdered(Event, frozen=True, tag="control.drain_ordered"):
    """No further trial is to begin in this process; those that have begun come to their end."""

    author: str
    reason: str


class CancelOrdered(Event, frozen=True, tag="control.cancel_ordered"):
    """A trial, or the whole run, is to stop for good; what is under way is cut off."""

    author: str
    reason: str
    trial: str | None
    """None: the whole run."""


class TuneOrdered(Event, frozen=True, tag="control.tune_ordered"):
    """Other limits are to hold from now on."""

    author: str
    reason: str
    changes: tuple[SettingChange, ...]
    """At least one."""


class OrderMet(Event, frozen=True, tag="control.order_met"):
    """The run's owner met an order, which is the cause of this. Stream ``session``."""

    done: bool
    """False: there was nothing to do; it was so already, or cannot be."""
    detail: str
    """What is so now, or why not."""
