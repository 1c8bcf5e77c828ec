"""An agent in a sandbox of its own: opened, acted in, given back, or lost."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal, Protocol, TypeVar

import msgspec

from engine.agents.base import Acted
from engine.agents.points import ENDING, AgentReport, AttemptEnding, EndingSaw
from engine.core.decision import Made
from engine.core.scope import Scope, Stopped
from events.types.attempt import AgentEnded, AttemptAbandoned
from events.types.decision import Seen
from events.types.sandbox import ReleaseAsked, SandboxAsked, SandboxFailed

R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class Abandon(Protocol[R_co]):
    """Says what whoever began an attempt learns of one that was abandoned."""

    def __call__(self, detail: str, *, counts: bool) -> R_co:
        """Give it; `counts` is False if a process of ours died under it, or somebody stopped it."""


async def in_sandbox(
    scope: Scope,
    asked: SandboxAsked,
    work: Callable[[], Awaitable[T]],
    abandoned: Abandon[T],
    further: Callable[[T], AsyncIterator[T]] | None = None,
) -> T:
    """Open a sandbox, do something in it, give it back; where that cannot be, record that the attempt is abandoned.

    Args:
        scope: The attempt's.
        asked: Which sandbox.
        work: Is done in it. What it gives stands, also where the sandbox is lost afterwards.
        abandoned: Says what comes of an attempt without a result.
        further: Goes on with the result, and gives it anew after each step: what it gave last stands. None: nothing.
    """
    done: list[T] = []
    try:
        opened = await scope.effect(asked)
        if isinstance(opened, SandboxFailed):
            await scope.record(AttemptAbandoned("infrastructure", f"{opened.kind}: {opened.detail}"))
            return abandoned(opened.detail, counts=True)
        done.append(await work())
        if further is not None:
            async for each in further(done[0]):
                done[0] = each
        await scope.effect(ReleaseAsked())
    except Stopped as stop:
        if done:  # its result has arrived
            return done[0]
        reason: Literal["sandbox_lost", "stopped"] = (
            "sandbox_lost" if stop.event.reason == "sandbox_lost" else "stopped"
        )
        await scope.record(AttemptAbandoned(reason, stop.event.detail))
        return abandoned(stop.event.detail, counts=False)
    return done[0]


def ending_saw(acted: Acted, before: int = 0) -> EndingSaw:
    """Say what the end of an agent is decided from; `before` counts its actions in the steps before."""
    ended = acted.ended
    saw = EndingSaw(said=AgentReport(ended.reason, ended.detail)) if isinstance(ended, AgentEnded) else ended
    return msgspec.structs.replace(saw, actions=len(acted.actions), before=before)


def turns_of(acted: Acted) -> int:
    """Count the answers that an agent took."""
    return acted.ended.turns if isinstance(acted.ended, AgentEnded) else acted.turns


async def agent_ended(scope: Scope, acted: Acted) -> Seen[AttemptEnding]:
    """Have it decided how the agent ended, and whether what it left is judged."""
    turns = turns_of(acted)

    def says(ruling: AttemptEnding, made: Made) -> AgentEnded:
        del made
        return AgentEnded(ruling.reason, ruling.detail, turns, verified=ruling.verified)

    return await scope.decide(ENDING, ending_saw(acted), says)
