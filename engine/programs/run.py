"""The actor of a run: its inputs on record first, then its program, then the end."""

from collections.abc import Mapping
from typing import Final

from engine.config.program import RunPlan
from engine.core.scope import Scope
from events.types.run import RunClosed

_SCORED_OR_WHOLE: Final = ("solved", "unsolved", "completed")
"""Outcomes that lack no verdict. Of ``completed`` parts, such as a training, nothing was to be verified."""


async def run(scope: Scope, plan: RunPlan) -> Mapping[str, str]:
    """Carry a run on its stream; give the outcome of each part by its name."""
    await scope.record(plan.opened)
    outcomes = await plan.program.run(scope, plan)
    solved, unsolved, whole = (sum(1 for each in outcomes.values() if each == word) for word in _SCORED_OR_WHOLE)
    await scope.record(RunClosed(solved, unsolved, len(outcomes) - solved - unsolved - whole))
    return outcomes
