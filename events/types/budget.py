"""Effects on the budget: money is reserved before it is spent.

The answer in the trial's own stream is the only record of a grant. The remaining budget is never recorded: it is
folded from grants and from the costs of the answers that they paid for.
"""

from typing import Literal

import msgspec

from events.base import Event, LookupAsked
from events.values import NanoUsd


class BudgetAsked(LookupAsked, frozen=True, tag="budget.asked"):
    """An amount was requested for a call that may cost up to this much."""

    account: str = msgspec.field(name="trial")
    """Name of the account, such as a trial, whose limit it counts against. The log calls it ``trial``."""
    amount: NanoUsd
    """Upper bound of the call's cost."""


class BudgetGranted(Event, frozen=True, tag="budget.granted"):
    """The amount is reserved until the call that it pays for is answered or fails."""


class BudgetRefused(Event, frozen=True, tag="budget.refused"):
    """The amount was refused: granting it could exceed a limit."""

    cap: Literal["run", "trial"]
    limit: NanoUsd
