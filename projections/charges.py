"""What a physical call of a model is counted at; pure. The budget, the books and the reports count by it alone.

A cost that the provider states counts as it is stated. One that it does not state counts at the bound that was
granted, unless none can have arisen:

* a request that never left costs nothing;
* a request that was turned away before a model saw it costs nothing: a wrong key or request, too many calls, no
  credit, a conversation that does not fit, an endpoint that has too much load (503, 529) or no such function (501);
* everything else may have been paid for: a time-out, a lost connection, a cut or unreadable answer, a refusal (Azure
  charges for prompts that its filter refuses), any other fault of the server, behind which the work may have been done.
"""

from typing import Final, assert_never

from events.types.model import ModelAnswered, ModelFailed, TryMade
from events.values import NanoUsd, Usage

TURNED_AWAY: Final = frozenset(
    {"authentication", "bad_request", "context_length", "endpoint", "images_unsupported", "rate_limit"}
)
"""Kinds of failure before which no model did any work."""
OVERLOADED: Final = frozenset({501, 503, 529})
"""Statuses of servers that did not begin."""
BELIEVED: Final = 10
"""How many times its bound a call may cost by the provider's own word. Some count thoughts beyond ``max_tokens``; a
figure beyond this is a mistake, and the call counts at its bound."""
MOST_COST: Final[NanoUsd] = 1000 * 10**9
"""Of one call: 1,000 US dollars, ten times what the dearest could come to in 2026. A figure beyond is a mistake."""
MOST_TOKENS: Final = 10**12
"""Read or written, by one call or in a sum that another system states. A figure beyond is a mistake."""


def may_have_cost(kind: str, status: int | None, *, sent: bool | None) -> bool:
    """Say whether a failure whose cost is not stated may have been paid for.

    Args:
        kind: Of the failure.
        status: The HTTP status. None: there was no response.
        sent: Whether the request may have reached the provider. None: not recorded.
    """
    return sent is not False and kind not in TURNED_AWAY and not (kind == "server" and status in OVERLOADED)


def known_cost(cost: NanoUsd | None, bound: NanoUsd | None = None) -> NanoUsd | None:
    """Give a stated cost if it can be believed. None: it cannot, or there is none.

    Args:
        cost: As the provider states it, or as it follows from the tokens that it states.
        bound: The most the call should cost. None: nobody bounded it.
    """
    most = min(MOST_COST, BELIEVED * bound) if bound else MOST_COST
    return cost if cost is not None and 0 <= cost <= most else None


def known_tokens(count: int | None) -> int | None:
    """Give a count of tokens if it can be believed. None: it cannot, or there is none."""
    return count if count is not None and 0 <= count <= MOST_TOKENS else None


def known_usage(usage: Usage) -> Usage:
    """Give the counts that can be believed."""
    return Usage(
        known_tokens(usage.input_tokens),
        known_tokens(usage.output_tokens),
        known_tokens(usage.cached_input_tokens),
        known_tokens(usage.reasoning_tokens),
    )


def is_unknown(outcome: ModelAnswered | ModelFailed, bound: NanoUsd | None = None) -> bool:
    """Say whether nobody knows what a call cost: it is not stated, or cannot be believed, and may be above nothing."""
    if known_cost(outcome.cost, bound) is not None:
        return False
    match outcome:
        case ModelAnswered():
            return True
        case ModelFailed():
            return outcome.cost is not None or may_have_cost(outcome.kind, outcome.status, sent=outcome.sent)
        case _:
            assert_never(outcome)


def unknown_before(earlier: tuple[TryMade, ...]) -> int:
    """Count the physical calls before an outcome, as older versions recorded them, that may have been paid for."""
    return sum(1 for each in earlier if each.error is not None and may_have_cost(each.error, each.status, sent=None))


def charge(outcome: ModelAnswered | ModelFailed, bound: NanoUsd) -> NanoUsd:
    """Say what to count for all physical calls behind an outcome.

    Args:
        outcome: How the last of them ended.
        bound: The most that each of them may cost.
    """
    known = known_cost(outcome.cost, bound)
    own = known if known is not None else bound if is_unknown(outcome, bound) else 0
    return own + bound * unknown_before(outcome.earlier)
