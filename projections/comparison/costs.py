"""What arms cost, and from which number of runs on a skill has paid for its making; pure, in whole numbers."""

from collections.abc import Iterable
from fractions import Fraction
from math import ceil
from typing import Literal

import msgspec

from events.values import NanoUsd
from projections.comparison.rows import ComparisonRow


class ArmCosts(msgspec.Struct, frozen=True):
    """What the runs of one arm cost, those without a score included: they were paid, too."""

    runs: int
    solved: int
    cost: NanoUsd
    """Of runs whose cost is known."""
    unknown: int
    """Runs whose cost nobody knows. With any, ``cost`` is a lower bound."""
    tokens: int
    """Of runs whose tokens are known."""
    uncounted: int
    """Runs whose tokens nobody knows."""

    @property
    def per_run(self) -> Fraction | None:
        """In nano-dollars. None: there was no run, or a cost is unknown."""
        return Fraction(self.cost, self.runs) if self.runs and not self.unknown else None

    @property
    def per_solved(self) -> Fraction | None:
        """All that was paid, for each solved run. None: nothing was solved, or a cost is unknown."""
        return Fraction(self.cost, self.solved) if self.solved and not self.unknown else None


class Payback(msgspec.Struct, frozen=True):
    """When a skill has paid for its making.

    ``after``: from ``runs`` on. ``never``: a solved run costs no less with it. ``only with it``: without it nothing is
    solved at any price. ``unknown``: a cost is unknown, or nothing is solved with it. It rests on the observed means,
    so it is worth as much as the verdict beside it.
    """

    kind: Literal["after", "never", "only with it", "unknown"]
    runs: int | None
    """Student runs, each with the skill; None unless kind is ``after``."""


def costs_of(rows: Iterable[ComparisonRow]) -> ArmCosts:
    """Add up what the rows of one arm cost."""
    own = tuple(rows)
    return ArmCosts(
        runs=len(own),
        solved=sum(row.outcome == "solved" for row in own),
        cost=sum(row.cost for row in own if row.cost is not None),
        unknown=sum(row.cost is None for row in own),
        tokens=sum(row.tokens for row in own if row.tokens is not None),
        uncounted=sum(row.tokens is None for row in own),
    )


def payback(making: NanoUsd | None, without: ArmCosts, with_it: ArmCosts) -> Payback:
    """Say from which number of student runs on the making of a skill has paid.

    N runs with the skill cost ``making + N * per_run`` and solve ``N * solved / runs`` of them. It has paid when the
    same number of solved runs would have cost at least as much without it.

    Args:
        making: What it cost to make. None: nobody knows.
        without: Costs of the baseline.
        with_it: Costs of the arm that has the skill.
    """
    own, other = with_it.per_run, without.per_run
    if making is None or own is None or other is None or not with_it.solved:
        return Payback("unknown", None)
    if without.per_solved is None:
        return Payback("only with it", None)
    saved = Fraction(with_it.solved, with_it.runs) * without.per_solved - own
    if saved <= 0:
        return Payback("never", None)
    return Payback("after", ceil(making / saved))
