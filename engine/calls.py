"""Asking a model: money first, then the call, and the answer into the conversation."""

from typing import NamedTuple, assert_never

from engine.conversation import Conversation, extend_kept
from engine.scope import Scope
from events.budget import BudgetAsked, BudgetGranted, BudgetRefused
from events.digest import Digest
from events.model import ModelAnswered, ModelAsked, ModelFailed
from events.values import NanoUsd, Role


class Price(NamedTuple):
    """What a model costs, in nano-USD per token: a dollar per million tokens is 1,000."""

    input: NanoUsd
    output: NanoUsd
    cached_input: NanoUsd


class Caller(NamedTuple):
    """Whom to ask, how, and on whose account."""

    trial: str
    role: Role
    model: str
    parameters: dict[str, str | int | float | bool]
    stream: bool
    timeout_s: float
    reserve: tuple[Price, int] | None
    """Price, and most tokens an answer may have. None: no cap is set, so nothing is reserved."""


async def ask_model(
    scope: Scope, caller: Caller, conversation: Conversation, *, tools: bytes | None = None
) -> ModelAnswered | ModelFailed | BudgetRefused:
    """Ask, within the budget.

    Raises:
        Stopped: The actor is stopped.
    """
    assert conversation.node is not None, "something must be said first"
    if caller.reserve is not None:
        bound = upper_bound(caller.reserve, conversation.size + len(tools or b""))
        granted = await scope.effect(BudgetAsked(caller.trial, bound))
        if isinstance(granted, BudgetRefused):
            return granted
        assert isinstance(granted, BudgetGranted)
    asked = ModelAsked(
        role=caller.role,
        model=caller.model,
        conversation=conversation.node,
        tools=None if tools is None else scope.put(tools),
        parameters=caller.parameters,
        stream=caller.stream,
        timeout_s=caller.timeout_s,
    )
    outcome = await scope.effect(asked)
    assert isinstance(outcome, ModelAnswered | ModelFailed)
    return outcome


async def answered(scope: Scope, conversation: Conversation, answer: ModelAnswered) -> Conversation:
    """Take the model's own message into the conversation, byte for byte as it came."""
    return extend_kept(scope, conversation, (answer.message,), len(await scope.get(answer.message)))


async def text_of(scope: Scope, digest: Digest | None) -> str:
    """Read a text; None reads as no text at all."""
    return "" if digest is None else (await scope.get(digest)).decode("utf-8", "replace")


def problem_of(outcome: ModelFailed | BudgetRefused) -> str:
    """Say in a line why there was no answer."""
    match outcome:
        case BudgetRefused():
            return f"the budget of the {outcome.cap} is used up"
        case ModelFailed():
            return f"{outcome.kind}: {outcome.detail}"
        case _:
            assert_never(outcome)


_FRAME_BYTES = 4096
"""Room for what a provider wraps around the messages: role markers, tool preambles."""


def upper_bound(reserve: tuple[Price, int], request_bytes: int) -> NanoUsd:
    """Bound what a call can cost: a token is at least one byte, and an answer has at most so many tokens."""
    price, most_output = reserve
    return (request_bytes + _FRAME_BYTES) * max(price.input, price.cached_input) + most_output * price.output
