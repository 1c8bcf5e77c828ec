"""What a run waits for at this moment, and what went wrong in it: parts of the projection of trials."""

from typing import Final

import msgspec

from events.agent import AgentRunAsked, CallAsked
from events.base import Event, Recorded, Ref
from events.budget import BudgetAsked
from events.codec import tag_of
from events.model import ModelAsked, ModelFailed, RetryAsked
from events.sandbox import (
    ActionAsked,
    ReleaseAsked,
    SandboxAsked,
    SandboxFailed,
    SolutionAsked,
    VerifierSilent,
    VerifyAsked,
)
from events.steps import StepAsked, StepVerifyAsked
from events.trial import TaskAsked

_ASKED: Final = frozenset(
    {
        ActionAsked,
        AgentRunAsked,
        BudgetAsked,
        CallAsked,
        ModelAsked,
        ReleaseAsked,
        RetryAsked,
        SandboxAsked,
        SolutionAsked,
        StepAsked,
        StepVerifyAsked,
        TaskAsked,
        VerifyAsked,
    }
)
"""Requests to the world. A stream has one at a time: whatever is recorded next in it, it is no longer in flight."""


class InFlight(msgspec.Struct, frozen=True):
    """A request that was asked and has no outcome yet."""

    asked: Ref
    """Where it stands; its outcome will name this as its cause."""
    what: str
    """Tag of the request, such as ``model.asked``."""
    at: int
    """Since when: microseconds since 1970, UTC."""


def follow_effect(in_flight: dict[str, InFlight], recorded: Recorded) -> None:
    """Keep a request, by its stream, until its stream goes on."""
    name = recorded.stream.name
    if type(recorded.event) in _ASKED:
        in_flight[name] = InFlight(recorded.ref, tag_of(recorded.event), recorded.at)
    else:
        in_flight.pop(name, None)


def trouble_of(event: Event) -> str | None:
    """Say in two words what went wrong: who failed, and how. None: nothing did."""
    match event:
        case ModelFailed():
            return f"model {event.kind}"
        case SandboxFailed():
            return f"sandbox {event.kind}"
        case VerifierSilent():
            return f"verifier {event.reason}"
        case _:
            return None
