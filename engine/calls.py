"""Asking a model: money first, then the call, and the answer into the conversation."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, assert_never

from engine.conversation import Conversation, extend_kept
from engine.policies.assistant_message import sendable
from engine.providers.prices import Price, upper_bound
from engine.scope import Scope
from events.budget import BudgetAsked, BudgetGranted, BudgetRefused
from events.digest import Digest
from events.model import ModelAnswered, ModelAsked, ModelFailed
from events.values import Role


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
    scope: Scope, whom: Callable[[], Caller], conversation: Conversation, *, tools: bytes | None = None
) -> ModelAnswered | ModelFailed | BudgetRefused:
    """Ask, within the budget.

    Args:
        scope: Of the actor that asks.
        whom: Says whom to ask now. Asked again once money is granted: a fork may lie between the two.
        conversation: What was said so far.
        tools: What the model may call, as JSON. None: nothing.

    Raises:
        Stopped: The actor is stopped.
    """
    assert conversation.node is not None, "something must be said first"
    caller, granted_for = whom(), None
    while caller.reserve is not None and caller.reserve != granted_for:
        price, most_output = granted_for = caller.reserve
        bound = upper_bound(conversation.size + len(tools or b""), most_output, price)
        granted = await scope.effect(BudgetAsked(caller.trial, bound))
        if isinstance(granted, BudgetRefused):
            return granted
        assert isinstance(granted, BudgetGranted)
        caller = whom()
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


async def answered(
    scope: Scope, conversation: Conversation, answer: ModelAnswered, *, calls: bool = False
) -> Conversation:
    """Take the model's own message into the conversation: byte for byte as it came, or as providers take it back.

    A message that says nothing is left out.

    Args:
        scope: Of the actor that asked.
        conversation: What was said so far.
        answer: The model's.
        calls: Whether every call in it is answered next. Without, they are left out.
    """
    came = await scope.get(answer.message)
    sent = sendable(came, calls=calls)
    if sent is None:
        return conversation
    return extend_kept(scope, conversation, (answer.message if sent is came else scope.put(sent),), len(sent))


class Readable(Protocol):
    """Whatever gives recorded bytes back: a scope, a log."""

    async def get(self, digest: Digest) -> bytes:
        """Give the bytes of a blob."""


async def text_of(blobs: Readable, digest: Digest | None) -> str:
    """Read a text; None reads as no text at all."""
    return "" if digest is None else (await blobs.get(digest)).decode("utf-8", "replace")


def problem_of(outcome: ModelFailed | BudgetRefused) -> str:
    """Say in a line why there was no answer."""
    match outcome:
        case BudgetRefused():
            return f"the budget of the {outcome.cap} is used up"
        case ModelFailed():
            return f"{outcome.kind}: {outcome.detail}"
        case _:
            assert_never(outcome)
