"""Agents that need no model: the oracle runs the task's own solution, nop does nothing."""

from typing import Final

from engine.agents.base import Acted, Action, CurrentBrief
from engine.agents.points import AgentReport, BreakdownSeen, EndingSaw, SolutionSeen
from engine.core.scope import Scope
from events.types.decision import Seen
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
        at = scope.at
        if isinstance(observed, SandboxFailed):
            return Acted(EndingSaw(broken=Seen(at, BreakdownSeen(observed.kind, observed.detail))), (), ())
        assert isinstance(observed, ActionObserved)
        seen = SolutionSeen(observed.ended, observed.exit_code)
        return Acted(EndingSaw(solution=Seen(at, seen)), (Action(SOLUTION, None, observed, at),), ())


class Nop:
    """Does nothing. A sound task does not reward it."""

    name = "nop"
    needs_model = False

    async def act(self, scope: Scope, told: CurrentBrief) -> Acted:
        """Leave the sandbox as it is."""
        del scope, told
        return Acted(EndingSaw(said=AgentReport("done", "nothing was done, on purpose")), (), ())
