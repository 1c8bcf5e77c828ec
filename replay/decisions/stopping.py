"""Stopping: whether there is another attempt."""

from typing import NamedTuple

from engine.actors.deciding import decide_whether
from engine.policies.judging import Outcome
from events.base import Recorded
from events.trial import NextChosen
from replay.decisions.base import Chain, Decision, Input, Under, decision, fields_of, method_rule


class StoppingStep(NamedTuple):
    """Before the first attempt, or after one."""

    recorded: Recorded
    event: NextChosen
    outcomes: tuple[tuple[int, Outcome], ...]
    """Of the attempts that count, with their numbers."""
    attempts: int
    """Of any kind."""
    money: str | None
    """Why nothing more could be paid for. None: there may have been money left."""
    cancelled: str | None
    """Who ordered a stop, and why. None: nobody did."""
    inputs: tuple[Input, ...]

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Decide again whether to go on."""
        outcomes = [chain.outcomes.get(number, outcome) for number, outcome in self.outcomes]
        _, event = decide_whether(
            under.method,
            under.spec.method,
            outcomes,
            attempts=self.attempts,
            money=self.money,
            cancelled=self.cancelled,
        )
        rule = method_rule(under.spec, "attempts", "infrastructure_retries")
        return decision("stopping", self.recorded, rule=rule, inputs=self.inputs, decided=fields_of(event))
