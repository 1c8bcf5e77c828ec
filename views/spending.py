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


def spent(cost: RunCost | None, trial: str | None = None) -> Spent:
    """Sum up a run, or one trial of it."""
    if cost is None:
        return Spent(0, 0)
    trials = cost.lines.values() if trial is None else [cost.lines.get(trial, {})]
    lines = [line for roles in trials for models in roles.values() for line in models.values()]
    unknown = sum(line.unknown_cost for line in lines)
    known = sum(line.answered for line in lines) + sum(line.failed for line in lines) - unknown
    return Spent(None if unknown > 0 and known <= 0 else sum(line.cost for line in lines), unknown)


def written(known: int | None, unknown_calls: int) -> str:
    """Write it: a sum that lacks something says so."""
    if known is None:
        return UNKNOWN
    return f"{money(known)}+" if unknown_calls else money(known)
