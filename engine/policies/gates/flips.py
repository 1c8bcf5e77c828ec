"""Which share of flips persists, counted from recorded rows.

An item flips where the first score of a revision differs from that of the one before. It is held if a further score of
the same revision lies on the same side again. An edit that turns items for good holds nearly all of its flips; an item
of a middling rate that flipped by chance holds about half of them.
"""

from collections.abc import Sequence

import msgspec

from engine.policies.gates.base import ItemScore, Row


class FlipCount(msgspec.Struct, frozen=True):
    """Flips of which more was seen."""

    flips: int = 0
    looks: int = 0
    """Further scores of flipped items."""
    held: int = 0
    """Those on the side of the flip."""

    def plus(self, other: "FlipCount") -> "FlipCount":
        """Add counts."""
        return FlipCount(self.flips + other.flips, self.looks + other.looks, self.held + other.held)

    @property
    def share(self) -> float | None:
        """Share of looks that held. None: no flip was looked at again."""
        return round(self.held / self.looks, 4) if self.looks else None


def count_flips(before: Row, first: Row, looks: Sequence[Row]) -> FlipCount:
    """Count flips that were looked at again.

    Args:
        before: A pass of the revision before.
        first: The first pass of this revision.
        looks: Of each item, its further scores under this revision, in any number.
    """
    found = FlipCount()
    for old, new, further in zip(before, first, looks, strict=True):
        found = found.plus(_count(old, new, further))
    return found


def _count(old: ItemScore, new: ItemScore, further: Row) -> FlipCount:
    if old is None or new is None or old == new:
        return FlipCount()
    scores = [score for score in further if score is not None]
    held = sum((score > old) if new > old else (score < old) for score in scores)
    return FlipCount(bool(scores), len(scores), held)
