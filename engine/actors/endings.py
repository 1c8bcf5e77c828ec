"""What a decision to go on or to stop is called in the log."""

from typing import Literal, assert_never

from engine.policies.stopping import (
    BudgetReached,
    Cancelled,
    Continue,
    Decision,
    Exhausted,
    GiveUpInfrastructure,
    TrialSolved,
)


def ending_of(decision: Decision) -> Literal["solved", "unsolved", "infrastructure", "budget", "stopped"]:
    """Say how a trial ends that goes no further."""
    match decision:
        case TrialSolved():
            return "solved"
        case Exhausted():
            return "unsolved"
        case GiveUpInfrastructure():
            return "infrastructure"
        case BudgetReached():
            return "budget"
        case Cancelled() | Continue():
            return "stopped"
        case _:
            assert_never(decision)


def word_of(
    decision: Decision,
) -> Literal["continue", "solved", "exhausted", "give_up_infrastructure", "budget_reached", "cancelled"]:
    """Say in the log's word what was decided."""
    match decision:
        case Continue():
            return "continue"
        case TrialSolved():
            return "solved"
        case Exhausted():
            return "exhausted"
        case GiveUpInfrastructure():
            return "give_up_infrastructure"
        case BudgetReached():
            return "budget_reached"
        case Cancelled():
            return "cancelled"
        case _:
            assert_never(decision)
