"""Whether a trial goes on after an attempt; source: SPARK, 2.2 and 13.3.

On purpose otherwise than SPARK (W18, and the "consecutive" count of section 10 which is a total):

* attempts without a score (broken infrastructure, no verdict) do not use up attempts;
* they have an allowance of their own: so many in a row, and so many in all, since a trial which alternates
  between failing and breaking would otherwise go on paying.

``Counting.SPARK`` restores the old rule: every attempt counts, and infrastructure failures are totalled.
"""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from engine.policies.judging import Failed, Infrastructure, NoVerdict, Outcome, Solved


class Counting(StrEnum):
    """Which attempts use up the allowance."""

    JUDGED = "judged"
    """Those with a reward."""
    SPARK = "spark"
    """All of any kind; and two infrastructure failures in all end the trial."""


class StoppingSettings(Struct, frozen=True):
    """How long to try."""

    max_attempts: int = 3
    """In all, the first included; at least 1."""
    max_scoreless_in_a_row: int = 2
    """Attempts without a score, one after the other, at which to give up; at least 1. In SPARK's counting,
    infrastructure failures in all."""
    max_scoreless: int = 6
    """Attempts without a score, in all, at which to give up. Not read in SPARK's counting."""
    counting: Counting = Counting.JUDGED


class Continue(Struct, frozen=True, tag="continue"):
    """Try again."""

    attempt: int
    """Ordinal of the next attempt among all, from 1."""
    counted: int
    """Ordinal among those that count, from 1: what the agent is told."""
    reason: str


class TrialSolved(Struct, frozen=True, tag="solved"):
    """The last attempt solved the task."""

    reason: str


class Exhausted(Struct, frozen=True, tag="exhausted"):
    """All attempts are used up."""

    reason: str


class GiveUpInfrastructure(Struct, frozen=True, tag="give_up_infrastructure"):
    """The surroundings break too often; the task says nothing about the agent."""

    reason: str


class BudgetReached(Struct, frozen=True, tag="budget_reached"):
    """Money, tokens or time are spent."""

    reason: str


class Cancelled(Struct, frozen=True, tag="cancelled"):
    """Somebody asked to stop. A recorded state, unlike in SPARK."""

    reason: str


Decision = Continue | TrialSolved | Exhausted | GiveUpInfrastructure | BudgetReached | Cancelled


def decide_next(
    outcomes: Sequence[Outcome],
    rule: StoppingSettings,
    *,
    budget: str | None = None,
    cancelled: str | None = None,
) -> Decision:
    """Decide after an attempt, or before the first one.

    A success that has arrived wins over a cancellation and a spent budget.

    Args:
        outcomes: How each attempt so far ended, in order.
        rule: How long to try.
        budget: Which budget is reached; None while there is some left.
        cancelled: Who asked to stop and why; None while nobody has.
    """
    if outcomes and isinstance(outcomes[-1], Solved):
        return TrialSolved(f"attempt {len(outcomes)} got reward {outcomes[-1].reward:g}")
    if cancelled is not None:
        return Cancelled(cancelled)
    if budget is not None:
        return BudgetReached(budget)
    if broken := _broken(outcomes, rule):
        return GiveUpInfrastructure(broken)
    return _by_attempts(outcomes, rule)


def _by_attempts(outcomes: Sequence[Outcome], rule: StoppingSettings) -> Exhausted | Continue:
    used = _used(outcomes, rule.counting)
    if used >= rule.max_attempts:
        return Exhausted(f"{used} of {rule.max_attempts} attempts are used up")
    reason = f"{used} of {rule.max_attempts} attempts are used up" if outcomes else "nothing was tried yet"
    return Continue(attempt=len(outcomes) + 1, counted=used + 1, reason=reason)


def _used(outcomes: Sequence[Outcome], counting: Counting) -> int:
    match counting:
        case Counting.JUDGED:
            return sum(1 for outcome in outcomes if isinstance(outcome, Solved | Failed))
        case Counting.SPARK:
            return len(outcomes)


def _broken(outcomes: Sequence[Outcome], rule: StoppingSettings) -> str | None:
    """Why to give up on the surroundings; None while there is hope."""
    if rule.counting is Counting.SPARK:
        total = sum(1 for outcome in outcomes if isinstance(outcome, Infrastructure))
        return f"{total} infrastructure failures" if total >= rule.max_scoreless_in_a_row else None
    scoreless = [isinstance(outcome, Infrastructure | NoVerdict) for outcome in outcomes]
    in_a_row = next((i for i, bad in enumerate(reversed(scoreless)) if not bad), len(scoreless))
    if in_a_row >= rule.max_scoreless_in_a_row:
        return f"{in_a_row} attempts in a row ended without a score"
    if sum(scoreless) >= rule.max_scoreless:
        return f"{sum(scoreless)} attempts ended without a score"
    return None
