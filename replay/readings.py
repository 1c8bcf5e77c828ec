"""PDI under other settings over all recorded steps, as a shadow monitor would have read them."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from engine.programs.explore.points import INTERVENTION, PDI
from replay.impact import Timeline
from replay.ledger import Ledger


class Readings(NamedTuple):
    """What they come to."""

    eligible: int
    """Readings at which a trigger is possible: from the trial's second step on."""
    triggered: int
    soft: int
    """Interventions that an attempt followed, with those that nobody can know (behind a place where a trial left)."""
    strong: int
    none: int

    @property
    def rate(self) -> float | None:
        """Give the share of eligible readings that trigger, [0, 1]. None: there are none."""
        return self.triggered / self.eligible if self.eligible else None


def spoken_in(ledger: Ledger) -> dict[str, list[int]]:
    """Say where a soft or strong intervention was chosen: positions by stream."""
    found: dict[str, list[int]] = {}
    for entry in ledger.entries:
        if entry.name == INTERVENTION.name and entry.point is not None and entry.ruling.level != "none":
            found.setdefault(entry.at.stream, []).append(entry.position)
    return found


class Watched:
    """The readings of a run that a trigger is possible at, and the interventions that an attempt followed."""

    def __init__(self, ledger: Ledger, timeline: Timeline) -> None:
        """Find them; those that cannot be made again are left out."""
        self._read: list[tuple[int, bool]] = []
        """By index of the ledger's entries, with what is on record."""
        self._chosen: list[tuple[int, str]] = []
        for index, entry in enumerate(ledger.entries):
            if entry.shadow is not None or entry.missing:
                continue
            if entry.name == PDI.name and entry.ruling.step >= 1:
                self._read.append((index, entry.ruling.triggered))
            elif entry.name == INTERVENTION.name and timeline.attempt_follows(
                timeline.thread_of(entry.at.stream), entry.position
            ):
                self._chosen.append((index, entry.ruling.level))

    def readings(self, decided: Mapping[int, Any]) -> Readings:
        """Count.

        Args:
            decided: What was ruled instead, by index of the ledger's entries. None as a value: nobody can know.
        """
        read = [decided.get(index, triggered) for index, triggered in self._read]
        triggers = [each if isinstance(each, bool) else each.triggered for each in read if each is not None]
        chosen = [decided.get(index, level) for index, level in self._chosen]
        levels = [each if isinstance(each, str) else each.level for each in chosen if each is not None]
        soft, strong = levels.count("soft"), levels.count("strong")
        return Readings(len(triggers), sum(triggers), soft, strong, len(levels) - soft - strong)


def summed(counts: Iterable[Readings]) -> Readings:
    """Add up the readings of several runs."""
    columns = [sum(column) for column in zip(*counts, strict=True)]
    return Readings(*columns) if columns else Readings(0, 0, 0, 0, 0)
