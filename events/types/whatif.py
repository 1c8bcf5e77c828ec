"""Facts about questions asked of a past run: derived from its record, in its stream ``whatif/<digest>``.

They describe a question, not the run: no actor records them, and resume, rerun and rebuild ignore them.
"""

from events.base import Event, Ref
from events.digest import Digest
from events.values import NanoUsd


class DecisionFlipped(Event, frozen=True, tag="whatif.decision_flipped"):
    """A recorded decision differs under the settings of this stream."""

    settings: Digest
    """Blob: the changed settings as JSON, by key, and the version of stillroom that decided."""
    point: str
    """Kind of the decision, such as ``intervention``."""
    at: Ref
    """The event that records it."""
    field: str
    recorded: str
    """As JSON."""
    decided: str
    """As JSON."""


class PathLeft(Event, frozen=True, tag="whatif.path_left"):
    """A trial would have left its recorded path: after this point only live calls could answer."""

    settings: Digest
    trial: str
    at: Ref
    """The decision at which the path is left."""
    attempts: int
    """Recorded after that point, like the three below."""
    interventions: int
    cost: NanoUsd
    """Of calls whose cost is known."""
    unknown_calls: int
    """Calls of unknown cost."""


class WhatIfAnswered(Event, frozen=True, tag="whatif.answered"):
    """Every recorded decision of the run was re-evaluated under the settings of this stream."""

    settings: Digest
    decisions: int
    """Decisions that could be re-evaluated."""
    flips: int
    trials_left: int
    """Trials that would have left their recorded path."""
    unanswerable: int
    """Decisions after such a point."""
    missing: int
    """Decisions whose source is not in the log."""
