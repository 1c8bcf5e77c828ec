"""The rows that a comparison reads: one for each run of an item under an arm; pure.

A row without a score (infrastructure, stopped) counts in coverage and cost and in nothing else: it is never 0.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from math import lcm
from typing import Literal, NamedTuple

import msgspec

from events.errors import StillroomError
from events.values import NanoUsd

RowOutcome = Literal["solved", "unsolved", "infrastructure", "stopped"]
"""``infrastructure``: something of ours broke. ``stopped``: a budget or a person ended it. Neither is a score."""

Measure = Literal["hard", "soft"]
"""``hard``: 1 if solved, else 0. ``soft``: the partial score; a scored row that has none is not scored by it."""


class RowsUnusable(StillroomError):
    """Raised when rows contradict each other or their plan."""


class ComparisonRow(msgspec.Struct, frozen=True):
    """One run of an item under an arm."""

    arm: str
    item: str
    unit: str
    """What is independent of all else: the item's family, or the library that it shares with others, or the item."""
    repeat: int
    """Which run of this item under this arm; from 1."""
    outcome: RowOutcome
    soft: Fraction | None
    """Partial score in [0, 1]. None: the scorer gives none."""
    cost: NanoUsd | None
    """What was paid for the run, whatever came of it. None: nobody knows."""
    tokens: int | None
    """Input and output. None: nobody knows."""


class ArmCell(NamedTuple):
    """Where a score of one arm stands."""

    item: str
    repeat: int


class ArmTable(msgspec.Struct, frozen=True):
    """The rows of one arm, as cells."""

    ran: frozenset[ArmCell]
    """Cells of which a row exists, whatever came of it."""
    scores: Mapping[ArmCell, Fraction]
    """Those that have a score."""

    def complete(self, items: Iterable[str]) -> int:
        """Count the repeats, from the first, of which every item has a row."""
        names = tuple(items)
        repeat = 0
        while names and all(ArmCell(item, repeat + 1) in self.ran for item in names):
            repeat += 1
        return repeat

    def until(self, repeat: int) -> "ArmTable":
        """Leave out the repeats after this one."""
        return ArmTable(
            frozenset(cell for cell in self.ran if cell.repeat <= repeat),
            {cell: score for cell, score in self.scores.items() if cell.repeat <= repeat},
        )

    def without(self, cells: Collection[ArmCell]) -> "ArmTable":
        """Leave the scores of some cells out; that they ran is known all the same."""
        return ArmTable(self.ran, {cell: score for cell, score in self.scores.items() if cell not in cells})

    def means(self) -> dict[str, Fraction]:
        """Average the scores of each item that has any."""
        of_item: dict[str, list[Fraction]] = defaultdict(list)
        for cell, score in self.scores.items():
            of_item[cell.item].append(score)
        return {item: mean_of(scores) for item, scores in of_item.items()}


def mean_of(values: Collection[Fraction]) -> Fraction:
    """Average one or more fractions, over one denominator: much faster than adding them one by one."""
    scale = lcm(*(value.denominator for value in values))
    return Fraction(sum(value.numerator * (scale // value.denominator) for value in values), scale * len(values))


def exact(value: float) -> Fraction:
    """Give the fraction that a decimal stands for: 0.05 is 1/20, not the double next to it."""
    return Fraction(repr(value))


def soft_score(reward: float | None) -> Fraction | None:
    """Give the partial score that a reward is: the fraction that its decimal stands for. None: it is none in [0, 1]."""
    return None if reward is None or not 0 <= reward <= 1 else exact(reward)


def score_of(row: ComparisonRow, measure: Measure) -> Fraction | None:
    """Give the score of a row in [0, 1]; None where it has none."""
    match row.outcome:
        case "infrastructure" | "stopped":
            return None
        case "solved" | "unsolved":
            return row.soft if measure == "soft" else Fraction(row.outcome == "solved")


def tabulate(rows: Iterable[ComparisonRow], measure: Measure) -> dict[str, ArmTable]:
    """Sort rows by arm and cell. A run that broke and was run again is one cell.

    Raises:
        RowsUnusable: a cell has two scores, a repeat is under 1, or a partial score lies outside [0, 1].
    """
    ran: dict[str, set[ArmCell]] = defaultdict(set)
    scores: dict[str, dict[ArmCell, Fraction]] = defaultdict(dict)
    for row in rows:
        _refuse_out_of_range(row)
        cell, score = ArmCell(row.item, row.repeat), score_of(row, measure)
        ran[row.arm].add(cell)
        if score is None:
            continue
        if cell in scores[row.arm]:
            raise RowsUnusable(
                f"{row.item} has two scores in repeat {row.repeat} of arm {row.arm}",
                remedy="give each further run of an item the next repeat",
            )
        scores[row.arm][cell] = score
    return {arm: ArmTable(frozenset(cells), scores[arm]) for arm, cells in ran.items()}


def _refuse_out_of_range(row: ComparisonRow) -> None:
    if row.repeat < 1:
        raise RowsUnusable(f"repeat {row.repeat} of {row.item} is under 1", remedy="count repeats from 1")
    if row.soft is not None and not 0 <= row.soft <= 1:
        raise RowsUnusable(
            f"the partial score of {row.item} is {row.soft}, outside [0, 1]",
            remedy="scale the reward to [0, 1], or compare by the hard score",
        )
