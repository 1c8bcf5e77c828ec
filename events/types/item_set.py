"""Facts about sets of items: which were opened, what for, and which decisions rested on them. In the run's stream."""

from typing import Literal

from events.base import Event
from events.digest import Digest, Fingerprint
from events.types.decision import Decided

SetPurpose = Literal["train", "selection", "test"]
"""What a set is for. train: skills are learnt from its items. selection: its scores choose among skills, such as at a
gate. test: its scores are reported, and should choose nothing."""


class SetOpened(Event, frozen=True, tag="set.opened"):
    """A set of items was opened: from here on its scores can reach a decision of this run."""

    name: str
    """What the run calls it."""
    purpose: SetPurpose | None
    """None: the spec does not say."""
    digest: Fingerprint
    """Of the digests of its items, sorted: of what they hold, whatever the set and its items are called."""
    items: Digest
    """Blob: JSON object; the digest of each item by its name."""
    size: int
    """Items in it."""


class DecidedOnSets(Decided, frozen=True, kw_only=True, omit_defaults=True):
    """Base of events that record a decision which rests on the scores of sets, such as a comparison or a gate.

    Every event of this base counts in how many decisions rested on a set, whichever program records it.
    """

    sets: tuple[Fingerprint, ...] = ()
    """Digests of the sets, as `SetOpened` has them. Empty: an earlier version recorded it."""
