"""Events whose shape was outgrown: what earlier versions wrote, and how it reads today.

A tag is for life, so another shape is another tag. What is in a log stays there byte for byte; it is lifted when it is
read, and never written again. ``docs/schema-change.md`` says how to make such a change.
"""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from events.base import Event
from events.digest import Digest, Fingerprint
from events.types.agent import AgentRunFinished, SkillRead
from events.types.model import ModelAnswered, ModelFailed, ToolCall, TryMade
from events.types.trial import NextChosen
from events.values import NamedDigest, NanoUsd, Usage


class NextDecided(Event, frozen=True, tag="trial.next_decided"):
    """As `NextChosen`, but with 0 where no attempt follows. Written before 0.1.0 was released."""

    after: int
    decision: Literal["continue", "solved", "exhausted", "give_up_infrastructure", "budget_reached", "cancelled"]
    counted: int
    """Ordinal of the next attempt among those that count, from 1; 0 if there is none."""
    reason: str


class ModelAnsweredInTries(Event, frozen=True, tag="model.answered"):
    """As `ModelAnswered`, with every physical request that its asking led to. Written until 323f770."""

    request: Fingerprint
    reply: Digest
    message: Digest
    text: Digest | None
    tool_calls: tuple[ToolCall, ...]
    finish: str | None
    model: str | None
    usage: Usage
    cost: NanoUsd | None
    tries: tuple[TryMade, ...]
    """The answered one last."""


class ModelFailedInTries(Event, frozen=True, tag="model.failed"):
    """As `ModelFailed`, after which nothing was asked again. Written until 323f770."""

    kind: str
    status: int | None
    detail: str
    reply: Digest | None
    tries: tuple[TryMade, ...]


class AgentRunEnded(Event, frozen=True, tag="agent.run_ended"):
    """As `AgentRunFinished`, without the calls that were not answered. Written before 0.1.0 was released."""

    kit: Fingerprint
    exit_code: int | None
    ended: Literal["exited", "timed_out", "output_limit", "memory", "disk"]
    stdout: Digest
    stderr: Digest
    calls: int
    answered: int
    stopped: Literal["turn_limit", "token_limit", "cost_limit", "budget"] | None
    skills: tuple[NamedDigest, ...]
    reads: tuple[SkillRead, ...]


Outgrown: TypeAlias = NextDecided | ModelAnsweredInTries | ModelFailedInTries | AgentRunEnded
"""The closed union of all of them."""


def _next_decided(old: NextDecided) -> NextChosen:
    return NextChosen(old.after, old.decision, old.counted or None, old.reason)


def _answered(old: ModelAnsweredInTries) -> ModelAnswered:
    return ModelAnswered(
        request=old.request,
        reply=old.reply,
        message=old.message,
        text=old.text,
        tool_calls=old.tool_calls,
        finish=old.finish,
        model=old.model,
        usage=old.usage,
        cost=old.cost,
        reasoning=None,
        status=old.tries[-1].status if old.tries else None,
        earlier=old.tries[:-1],
    )


def _failed(old: ModelFailedInTries) -> ModelFailed:
    """Lift a failure. It was final: whoever wrote it had asked as often as it was going to."""
    return ModelFailed(
        kind=old.kind,
        status=old.status,
        detail=old.detail,
        reply=old.reply,
        usage=Usage(None, None, None, None),
        cost=None,
        sent=None,
        retryable=False,
        retry_after_s=None,
        earlier=old.tries[:-1],
    )


def _agent_run_ended(old: AgentRunEnded) -> AgentRunFinished:
    fields = {name: getattr(old, name) for name in old.__struct_fields__}
    return AgentRunFinished(**fields, unanswered=None, cut=None)


LIFTS: Final[Mapping[type[Event], Callable[[Any], Event]]] = MappingProxyType(
    {
        NextDecided: _next_decided,
        ModelAnsweredInTries: _answered,
        ModelFailedInTries: _failed,
        AgentRunEnded: _agent_run_ended,
    }
)
"""By outgrown class: how it reads today, or one step nearer to today."""

TODAY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "trial.next_decided": "trial.next_chosen",
        "model.answered": "model.call_answered",
        "model.failed": "model.call_failed",
        "agent.run_ended": "agent.run_finished",
    }
)
"""By outgrown tag: the tag under which such facts are written today."""


def lift(event: Event) -> Event:
    """Give an event as it reads today; most are as they were written."""
    while (step := LIFTS.get(type(event))) is not None:
        event = step(event)
    return event


def tags_as_written(tags: Collection[str]) -> frozenset[str]:
    """Add to tags of today those under which the same facts were written earlier."""
    return frozenset(tags).union(old for old, today in TODAY.items() if today in tags)
