"""When an attempt has had enough; pure."""

from math import ceil
from typing import Literal, NamedTuple

from engine.spec import AgentSpec
from events.model import ModelAnswered
from events.values import NanoUsd


class Spent(NamedTuple):
    """What an attempt has used so far, folded from its model answers."""

    turns: int
    tokens: int
    """Input and output, as the providers counted them; an answer without counts adds nothing."""
    cost: NanoUsd
    """Known costs only."""

    @classmethod
    def nothing(cls) -> "Spent":
        """Begin."""
        return cls(0, 0, 0)

    def plus(self, answer: ModelAnswered) -> "Spent":
        """Count one more answer."""
        tokens = (answer.usage.input_tokens or 0) + (answer.usage.output_tokens or 0)
        return Spent(self.turns + 1, self.tokens + tokens, self.cost + (answer.cost or 0))


class Limit(NamedTuple):
    """A limit that was reached."""

    reason: Literal["turn_limit", "token_limit", "time_limit", "cost_limit"]
    detail: str


def limit_reached(spent: Spent, busy_s: float, settings: AgentSpec, timeout_s: float | None) -> Limit | None:
    """Say which limit ends the attempt before its next turn. None: it goes on.

    Args:
        spent: What was used.
        busy_s: Seconds spent in effects.
        settings: The limits.
        timeout_s: Seconds for the whole attempt. None: no limit.
    """
    if spent.turns >= settings.max_turns:
        return Limit("turn_limit", f"{settings.max_turns} turns")
    if settings.max_tokens is not None and spent.tokens >= settings.max_tokens:
        return Limit("token_limit", f"{settings.max_tokens} tokens")
    if settings.max_cost_usd is not None and spent.cost >= settings.max_cost_usd * 1_000_000_000:
        return Limit("cost_limit", f"{settings.max_cost_usd} USD")
    if timeout_s is not None and busy_s >= timeout_s:
        return Limit("time_limit", f"{timeout_s:g} s")
    return None


def time_left(command_s: float, busy_s: float, timeout_s: float | None) -> float:
    """Seconds a command may take: its own limit, or what is left of the attempt, in whole seconds.

    While the attempt has more left than the command may take, this does not depend on measured time, so
    that two runs of the same decisions have the same events.
    """
    if timeout_s is None or timeout_s - busy_s >= command_s:
        return command_s
    return float(max(1, ceil(timeout_s - busy_s)))
