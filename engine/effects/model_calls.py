"""Asking a model: money first, then the call."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias, assert_never

from engine.core.scope import Scope
from engine.effects.conversation import Conversation, extend_kept
from engine.effects.points import CALL_RETRY, CallRetrySaw, FailureSeen
from engine.policies.call_retry import NOT_TRIED, CallTries
from engine.protocols.request import RequestProtocol
from engine.providers.prices import Price, upper_bound
from events.base import Ref
from events.digest import Digest
from events.types.budget import BudgetAsked, BudgetGranted, BudgetRefused
from events.types.decision import Seen
from events.types.model import ModelAnswered, ModelAsked, ModelFailed, RetryAsked, RetryDue
from events.values import Role


class Reserve(NamedTuple):
    """By what the cost of a call is bounded before it is made."""

    price: Price
    most_output: int
    """Tokens that are set aside for the answer."""
    sent: bool
    """Whether the request says so, too, so that no answer is longer."""


class Caller(NamedTuple):
    """Whom to ask, how, and on whose account."""

    trial: str
    role: Role
    model: str
    parameters: dict[str, str | int | float | bool]
    stream: bool
    timeout_s: float
    reserve: Reserve | None
    """None: no cap is set, so nothing is reserved."""
    protocol: RequestProtocol | None = None
    """In which the request is written; see `ModelAsked`."""


Whom = Callable[[], Caller]
"""Says whom to ask now. Asked anew after each effect: a fork may lie between any two events."""


class CapReached(NamedTuple):
    """A call failed that would have been made again, had there been money for it."""

    failed: ModelFailed
    refused: BudgetRefused
    at: Ref
    """The event that says that the call failed."""


NoAnswer: TypeAlias = ModelFailed | BudgetRefused | CapReached
"""Why there is no answer."""


class CallResult(NamedTuple):
    """What came of asking a model."""

    outcome: ModelAnswered | NoAnswer
    failed: tuple[ModelFailed, ...]
    """Physical calls before it that failed, the oldest first. They may have been paid for."""
    at: Ref
    """The event that the outcome is; where a call failed and nothing pays for another, the refusal."""


async def ask_model(scope: Scope, whom: Whom, conversation: Conversation, *, tools: bytes | None = None) -> CallResult:
    """Ask within the budget, again where that may help: each physical call is granted and recorded by itself.

    Args:
        scope: Of the actor that asks.
        whom: Whom to ask.
        conversation: What was said so far.
        tools: What the model may call, as JSON. None: nothing.

    Raises:
        Stopped: The actor is stopped.
    """
    assert conversation.node is not None, "something must be said first"
    failed: list[ModelFailed] = []
    failed_at, tried = scope.at, NOT_TRIED
    while True:
        busy_s, idle_s = scope.busy_s, scope.idle_s
        if failed:
            wait_s = await _wait_before_next(scope, whom().role, Seen(failed_at, failed[-1]), tried)
            if wait_s is None:
                return CallResult(failed[-1], tuple(failed[:-1]), failed_at)
            due = await scope.effect(RetryAsked(tried.made, wait_s))
            assert isinstance(due, RetryDue)
        caller = await _granted(scope, whom, conversation.size + len(tools or b""))
        if isinstance(caller, BudgetRefused):
            unpaid = CapReached(failed[-1], caller, failed_at) if failed else caller
            return CallResult(unpaid, tuple(failed[:-1]), scope.at)
        if not failed:
            busy_s = scope.busy_s
        outcome = await scope.effect(_question(scope, caller, conversation.node, tools))
        assert isinstance(outcome, ModelAnswered | ModelFailed)
        if isinstance(outcome, ModelAnswered):
            return CallResult(outcome, tuple(failed), scope.at)
        tried = tried.plus(outcome, scope.busy_s - busy_s, scope.idle_s - idle_s if failed else 0.0)
        failed.append(outcome)
        failed_at = scope.at


async def _wait_before_next(scope: Scope, role: Role, last: Seen[ModelFailed], tried: CallTries) -> float | None:
    """Have it decided how many seconds to wait before a call is made again. None: it is not."""
    failed = FailureSeen(last.value.kind, last.value.retryable, last.value.retry_after_s)
    saw = CallRetrySaw(role, Seen(last.seen, failed), *tried.noticed(failed.retry_after_s))
    return (await scope.decide(CALL_RETRY, saw)).value.wait_s


async def _granted(scope: Scope, whom: Whom, size: int) -> Caller | BudgetRefused:
    """Have money set aside for one physical call; say whom to ask with it. `size` is what is sent, in bytes."""
    caller, granted_for = whom(), None
    while caller.reserve is not None and caller.reserve != granted_for:
        granted_for = caller.reserve
        most = upper_bound(size, granted_for.most_output, granted_for.price)
        granted = await scope.effect(BudgetAsked(caller.trial, most))
        if isinstance(granted, BudgetRefused):
            return granted
        assert isinstance(granted, BudgetGranted)
        caller = whom()
    return caller


def _question(scope: Scope, caller: Caller, conversation: Digest, tools: bytes | None) -> ModelAsked:
    return ModelAsked(
        role=caller.role,
        model=caller.model,
        conversation=conversation,
        tools=None if tools is None else scope.put(tools),
        parameters=caller.parameters,
        stream=caller.stream,
        timeout_s=caller.timeout_s,
        protocol=caller.protocol,
    )


async def quoting(scope: Scope, conversation: Conversation, message: Digest | None) -> Conversation:
    """Take a message that is kept already into a conversation. None: there is none to take."""
    if message is None:
        return conversation
    return extend_kept(scope, conversation, (message,), len(await scope.get(message)))


class Readable(Protocol):
    """Whatever gives recorded bytes back: a scope, a log."""

    async def get(self, digest: Digest) -> bytes:
        """Give the bytes of a blob."""


async def text_of(blobs: Readable, digest: Digest | None) -> str:
    """Read a text; None reads as no text at all."""
    return "" if digest is None else (await blobs.get(digest)).decode("utf-8", "replace")


def problem_of(outcome: NoAnswer) -> str:
    """Say in a line why there was no answer."""
    match outcome:
        case BudgetRefused():
            return f"the budget of the {outcome.cap} is used up"
        case ModelFailed():
            return f"{outcome.kind}: {outcome.detail}"
        case CapReached():
            return f"{problem_of(outcome.failed)} (not asked again: {problem_of(outcome.refused)})"
        case _:
            assert_never(outcome)
