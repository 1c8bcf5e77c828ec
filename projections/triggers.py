"""Triggers: in how many cells a skill was read where it belongs, and in how many where it does not; pure.

A skill belongs to an item unless it stands beside the one that is measured, or is said not to apply to the item. Cells
of which nobody can know are counted apart: a share is given only where there are none.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

import msgspec

from projections.exposure import Exposure, read_of


class TriggerCount(msgspec.Struct, frozen=True):
    """Cells that were given such skills, by whether one of them was read."""

    read: int = 0
    unread: int = 0
    unknown: int = 0
    """Cells of which nobody can know."""

    @property
    def given(self) -> int:
        """All of them."""
        return self.read + self.unread + self.unknown

    @property
    def share(self) -> Fraction | None:
        """The part in which one was read. None: there are no cells, or some of which nobody can know."""
        return Fraction(self.read, self.given) if self.given and not self.unknown else None


class TriggerCounts(NamedTuple):
    """Of the cells of one arm."""

    own: TriggerCount
    """Skills that belong to the item of the cell."""
    other: TriggerCount
    """Skills that do not."""


class ExposedCell(NamedTuple):
    """What one cell read of the skills that it was given."""

    skills: Mapping[str, Exposure]
    """By name."""
    other: frozenset[str]
    """Names of those that do not belong to its item."""


def trigger_counts(cells: Iterable[ExposedCell]) -> TriggerCounts:
    """Count cells by what they read."""
    own: list[Exposure | None] = []
    other: list[Exposure | None] = []
    for cell in cells:
        own.append(read_of(said for name, said in cell.skills.items() if name not in cell.other))
        other.append(read_of(said for name, said in cell.skills.items() if name in cell.other))
    return TriggerCounts(_count(own), _count(other))


def _count(said: list[Exposure | None]) -> TriggerCount:
    return TriggerCount(said.count("yes"), said.count("no"), said.count("unknown"))
