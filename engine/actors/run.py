"""The run: its inputs on record first, then a trial for each task, then the end."""

from functools import partial
from typing import NamedTuple

from engine.actors.trial import TrialPlan, TrialResult, trial
from engine.scope import Child, Scope
from events.run import RunClosed, RunOpened


class RunPlan(NamedTuple):
    """What a run is made of; all of it can be read back from its first event."""

    opened: RunOpened
    trials: tuple[TrialPlan, ...]


async def run(scope: Scope, plan: RunPlan) -> tuple[TrialResult, ...]:
    """Run every trial, as many at once as the ports let begin."""
    await scope.record(plan.opened)
    children = [Child(f"trial/{each.name}", partial(trial, plan=each)) for each in plan.trials]
    results = await scope.gather(children)
    count = {word: sum(1 for result in results if result.outcome == word) for word in ("solved", "unsolved")}
    rest = len(results) - count["solved"] - count["unsolved"]
    await scope.record(RunClosed(count["solved"], count["unsolved"], rest))
    return tuple(results)
