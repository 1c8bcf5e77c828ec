"""Facts about questions asked of a past run: derived from its record, in its stream ``whatif/<digest>``.

They tell of a reader, not of the run: no actor records them, and a resume, a rerun or a rebuild looks past them.
"""

from events.base import Event, Ref
from events.digest import Digest
from events.values import NanoUsd


class DecisionFlipped(Event, frozen=True, tag="whatif.decision_flipped"):
    """A recorded decision comes out otherwise under the settings of this stream."""

    settings: Digest
    """Blob: the settings that were changed, as JSON, by key, and the version of stillroom that decided."""
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
    """A trial would have left its recorded path: from here on only live calls could tell."""

    settings: Digest
    trial: str
    at: Ref
    """The decision from which on something else is done."""
    attempts: int
    """Recorded behind it, like the three below."""
    interventions: int
    cost: NanoUsd
    """Of calls whose cost is known."""
    unknown_calls: int
    """Calls whose cost nobody knows."""


class WhatIfAnswered(Event, frozen=True, tag="whatif.answered"):
    """Every recorded decision of the run was made again under the settings of this stream."""

    settings: Digest
    decisions: int
    """Those that could be made again."""
    flips: int
    trials_left: int
    """Trials that would have left their recorded path."""
    unanswerable: int
    """Decisions behind such a place."""
    missing: int
    """Decisions whose source is not in the log."""
