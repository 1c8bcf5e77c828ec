"""Agents that need no model: the oracle runs the task's own solution, nop does nothing."""

from typing import Final, Literal

from engine.agents.base import Acted, Action, CurrentBrief
from engine.core.scope import Scope
from events.types.attempt import AgentEnded
from events.types.sandbox import ActionObserved, SandboxFailed, SolutionAsked

SOLUTION: Final = "bash /solution/solve.sh"
"""What stands for the command that ran the task's own solution."""


class Oracle:
    """Runs ``solution/solve.sh``. A sound task rewards it."""

    name = "oracle"
    needs_model = False

    async def act(self, scope: Scope, told: CurrentBrief) -> Acted:
        """Run the solution; a non-zero exit is the verifier's to judge, as Harbor has it."""
        brief = told()
        observed = await scope.effect(SolutionAsked(brief.task, brief.timeout_s))
        if isinstance(observed, SandboxFailed):
            return _acted("failed", observed.detail)
        assert isinstance(observed, ActionObserved)
        action = Action(SOLUTION, None, observed, scope.at)
        if observed.ended == "timed_out":
            return _acted("time_limit", "the solution ran out of time", action)
        if observed.ended == "disk":
            return _acted("disk_limit", "the solution wrote more than its sandbox may hold", action)
        return _acted("done", f"the solution exited with {observed.exit_code}", action)


class Nop:
    """Does nothing. A sound task does not reward it."""

    name = "nop"
    needs_model = False

    async def act(self, scope: Scope, told: CurrentBrief) -> Acted:
        """Leave the sandbox as it is."""
        del scope, told
        return _acted("done", "nothing was done, on purpose")


def _acted(reason: Literal["done", "failed", "time_limit", "disk_limit"], detail: str, *actions: Action) -> Acted:
    return Acted(AgentEnded(reason, detail, 0), actions, ())
