"""What calls cost, as far as anybody knows."""

from typing import NamedTuple

from projections.cost import RunCost
from views.figures import UNKNOWN, money


class Spent(NamedTuple):
    """A sum, and how much is missing from it."""

    known: int | None
    """In units of 10^-9 US dollars. None: there were calls, and none of them said."""
    unknown_calls: int
    """Calls whose cost nobody knows."""
    unknown_most: int | None
    """What those may have cost at most, in the same unit. None: some of them nobody bounded."""


def spent(cost: RunCost | None, trial: str | None = None) -> Spent:
    """Sum up a run, or one trial of it."""
    if cost is None:
        return Spent(0, 0, 0)
    trials = cost.lines.values() if trial is None else [cost.lines.get(trial, {})]
    lines = [line for roles in trials for models in roles.values() for line in models.values()]
    unknown = sum(line.unknown_cost for line in lines)
    known = sum(line.answered for line in lines) + sum(line.failed for line in lines) - unknown
    most = None if any(line.unbounded for line in lines) else sum(line.bound for line in lines)
    total = sum(line.cost for line in lines)
    # A sum that another system states counts as no answer, and its price is known all the same.
    return Spent(None if unknown > 0 and known <= 0 and not total else total, unknown, most)


def written(known: int | None, *, lacks: bool) -> str:
    """Write it: a sum that lacks something says so."""
    if known is None:
        return UNKNOWN
    return f"{money(known)}+" if lacks else money(known)
