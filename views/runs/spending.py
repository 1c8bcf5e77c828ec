"""What calls cost, as far as anybody knows."""

from collections.abc import Container, Iterable, Sequence
from typing import Final, NamedTuple

from projections.cost import RunCost, Spending
from views.terminal.format import UNKNOWN, money


class PartialSum(NamedTuple):
    """A sum, and how much is missing from it."""

    known: int | None
    """In units of 10^-9 US dollars. None: there were calls, and none of them said."""
    unknown_calls: int
    """Calls of unknown cost."""
    unknown_most: int | None
    """Upper bound of their cost, in the same unit. None if some have no bound."""


class Total(NamedTuple):
    """Figures of calls that may be added up."""

    cost: int
    """Known costs only, in units of 10^-9 US dollars."""
    unknown: int
    """Calls without a known cost."""
    ended: int
    """Calls that were answered or failed."""
    bound: int
    """What those of unknown cost may have cost at most, as far as that is known, in the same unit."""
    unbounded: int
    """Calls of unknown cost without a bound."""

    @property
    def spent(self) -> PartialSum:
        """Give the sum as people read it."""
        # A sum that another system states counts as no answer, and its price is known all the same.
        known = None if self.unknown > 0 and self.ended <= self.unknown and not self.cost else self.cost
        return PartialSum(known, self.unknown, None if self.unbounded else self.bound)


def total(lines: Iterable[Spending]) -> Total:
    """Add up."""
    cost = unknown = ended = bound = unbounded = 0
    for line in lines:
        cost += line.cost
        unknown += line.unknown_cost
        ended += line.answered + line.failed
        bound += line.bound
        unbounded += line.unbounded
    return Total(cost, unknown, ended, bound, unbounded)


class SpentSums(NamedTuple):
    """What a row says of calls, behind how many they are."""

    failed: int
    input_tokens: int
    output_tokens: int
    cost_nano_usd: int | None
    """None: no call said what it cost."""
    unknown_cost_calls: int


def sums(lines: Sequence[Spending]) -> SpentSums:
    """Add up what a row says."""
    spent = total(lines).spent
    return SpentSums(
        failed=sum(line.failed for line in lines),
        input_tokens=sum(line.input_tokens for line in lines),
        output_tokens=sum(line.output_tokens for line in lines),
        cost_nano_usd=spent.known,
        unknown_cost_calls=spent.unknown_calls,
    )


def total_of(cost: RunCost | None, trial: str) -> Total:
    """Add up what is known of one trial."""
    roles = {} if cost is None else cost.lines.get(trial, {})
    return total(line for models in roles.values() for line in models.values())


class CallsBeside(NamedTuple):
    """Calls of a run that no trial made, such as those of questions."""

    calls: int
    failed: int
    tokens: int
    """Known ones."""


NO_CALLS: Final = CallsBeside(0, 0, 0)


def beside(cost: RunCost | None, trials: Container[str]) -> CallsBeside:
    """Sum up the calls on accounts that are no trial's."""
    found = [beside_of(cost, account) for account in (() if cost is None else cost.lines) if account not in trials]
    return CallsBeside(*map(sum, zip(*found, strict=True))) if found else NO_CALLS


def beside_of(cost: RunCost | None, account: str) -> CallsBeside:
    """Sum up the calls on one account."""
    roles = {} if cost is None else cost.lines.get(account, {})
    lines = [line for models in roles.values() for line in models.values()]
    return CallsBeside(
        calls=sum(line.tries for line in lines),
        failed=sum(line.failed for line in lines),
        tokens=sum(line.input_tokens + line.output_tokens for line in lines),
    )


def spent(cost: RunCost | None, trial: str | None = None) -> PartialSum:
    """Sum up a run, or one trial of it."""
    if cost is None:
        return PartialSum(0, 0, 0)
    if trial is not None:
        return total_of(cost, trial).spent
    return total(line for roles in cost.lines.values() for models in roles.values() for line in models.values()).spent


def written(known: int | None, *, lacks: bool) -> str:
    """Write it: a sum that lacks something says so."""
    if known is None:
        return UNKNOWN
    return f"{money(known)}+" if lacks else money(known)
