"""Effects on the budget: money is reserved before it is spent.

The answer in the trial's own stream is the only record of a grant. What is left is never recorded: it is
folded from grants and from the costs of the answers they paid for.
"""

from typing import Literal

import msgspec

from events.base import Event
from events.values import NanoUsd


class BudgetAsked(Event, frozen=True, tag="budget.asked"):
    """A call may cost up to this much."""

    account: str = msgspec.field(name="trial")
    """Whose cap it counts against, such as a trial, by its name. The log calls it ``trial``."""
    amount: NanoUsd
    """Upper bound of the call's cost."""


class BudgetGranted(Event, frozen=True, tag="budget.granted"):
    """The amount is set aside until the call it pays for is answered or fails."""


class BudgetRefused(Event, frozen=True, tag="budget.refused"):
    """Granting it could exceed a cap."""

    cap: Literal["run", "trial"]
    limit: NanoUsd
