"""Where scores of one item differ from run to run: the agent's doing, or the verifier's; pure and exact.

A nested analysis of variance by the method of moments (Searle, Casella and McCulloch 1992, chapter 3): runs within
items of an arm, verifications within runs.
"""

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction

import msgspec

from projections.comparison.rows import RowsUnusable, mean_of


class VerifiedRun(msgspec.Struct, frozen=True):
    """One run, its kept final state verified once or more."""

    arm: str
    item: str
    verdicts: tuple[Fraction, ...]
    """The score that each verification gave, in [0, 1]. One that broke is not among them."""


class NoiseSplit(msgspec.Struct, frozen=True):
    """Variances of a single run's score around the mean of its item."""

    agent: Fraction | None
    """Between runs of one item under one arm, the verifier's part taken off; at least 0. None: no item ran twice."""
    flake: Fraction | None
    """Between verifications of one final state. None: none was verified twice; it is then a part of ``agent``."""
    flaky: tuple[str, ...]
    """Items of which one final state got different verdicts, in order of their names."""
    runs: int
    verifications: int


def split_noise(runs: Iterable[VerifiedRun]) -> NoiseSplit:
    """Tell the agent's noise and the verifier's apart.

    Raises:
        RowsUnusable: a run has no verdict.
    """
    items: dict[tuple[str, str], list[VerifiedRun]] = defaultdict(list)
    for run in runs:
        if not run.verdicts:
            raise RowsUnusable(f"a run of {run.item} has no verdict", remedy="leave out runs without a score")
        items[run.arm, run.item].append(run)
    all_runs = [run for own in items.values() for run in own]
    verifications = sum(len(run.verdicts) for run in all_runs)
    within = sum((_squares(run.verdicts) for run in all_runs), Fraction(0))
    flake = within / (verifications - len(all_runs)) if verifications > len(all_runs) else None
    return NoiseSplit(
        agent=_between(list(items.values()), flake or Fraction(0)),
        flake=flake,
        flaky=tuple(sorted({run.item for run in all_runs if len(set(run.verdicts)) > 1})),
        runs=len(all_runs),
        verifications=verifications,
    )


def _between(items: list[list[VerifiedRun]], flake: Fraction) -> Fraction | None:
    """Solve E[sum of squares between runs] = (runs - items) flake + weight * agent."""
    squares, freedom, weight = Fraction(0), 0, Fraction(0)
    for own in items:
        sizes = [len(run.verdicts) for run in own]
        total = sum(sizes)
        mean = mean_of([value for run in own for value in run.verdicts])
        squares += sum(
            (size * (mean_of(run.verdicts) - mean) ** 2 for size, run in zip(sizes, own, strict=True)), Fraction(0)
        )
        freedom += len(own) - 1
        weight += total - Fraction(sum(size**2 for size in sizes), total)
    return max(Fraction(0), (squares - freedom * flake) / weight) if freedom else None


def _squares(values: tuple[Fraction, ...]) -> Fraction:
    mean = mean_of(values)
    return sum(((value - mean) ** 2 for value in values), Fraction(0))
