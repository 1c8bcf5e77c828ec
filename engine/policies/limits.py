"""When an attempt has had enough; pure."""

from collections.abc import Iterable
from decimal import Decimal
from math import ceil
from typing import Literal, NamedTuple, Protocol

from events.types.model import ModelAnswered, ModelFailed
from events.values import NanoUsd


class AttemptUsage(NamedTuple):
    """What an attempt has used so far, folded from the outcomes of its model calls."""

    turns: int
    tokens: int
    """Input and output, as the providers counted them, of failed calls too; a call without counts adds nothing."""
    cost: NanoUsd
    """Known costs only."""

    @classmethod
    def nothing(cls) -> "AttemptUsage":
        """Begin."""
        return cls(0, 0, 0)

    def plus(self, answer: ModelAnswered) -> "AttemptUsage":
        """Count one more answer."""
        return self._with(answer)._replace(turns=self.turns + 1)

    def with_failed(self, failed: Iterable[ModelFailed]) -> "AttemptUsage":
        """Count calls that failed, as far as the provider says what they took: they are no turns."""
        spent = self
        for each in failed:
            spent = spent._with(each)
        return spent

    def _with(self, outcome: ModelAnswered | ModelFailed) -> "AttemptUsage":
        tokens = (outcome.usage.input_tokens or 0) + (outcome.usage.output_tokens or 0)
        return self._replace(tokens=self.tokens + tokens, cost=self.cost + (outcome.cost or 0))


class Limit(NamedTuple):
    """A limit that was reached."""

    reason: Literal["turn_limit", "token_limit", "time_limit", "cost_limit"]
    detail: str


class UsageLimits(Protocol):
    """How much may be used; see `AgentSpec`."""

    @property
    def max_turns(self) -> int:
        """Answers of the model."""

    @property
    def max_tokens(self) -> int | None:
        """Input and output. None: no limit."""

    @property
    def max_cost_usd(self) -> Decimal | None:
        """None: no limit."""


def limit_reached(spent: AttemptUsage, busy_s: float, settings: UsageLimits, timeout_s: float | None) -> Limit | None:
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
