"""The program `explore`: SPARK's loop over every task of a spec."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from engine.agents import points as agent_points
from engine.agents.registry import agent_named
from engine.config.program import RunPlan
from engine.config.spec import RunSpec
from engine.core.decision import Point, Policy
from engine.core.ports import Port
from engine.core.prompts import Prompts
from engine.core.scope import Child, Scope
from engine.effects import points as call_points
from engine.effects.callers import callers_of
from engine.programs.explore import learning_points, points
from engine.programs.explore.trial import TrialPlan, TrialTerms, trial
from engine.programs.skill_scan import POLICIES as SCAN_POLICIES
from engine.programs.skill_scan import SKILL_SCAN
from events.base import Event
from events.store.base import EventLog
from events.streams import TRIAL, trial_stream
from events.types.run import RunOpened

ROLES: Final[Mapping[str, str | None]] = {"teacher": None, "reflector": "teacher", "distiller": "teacher"}


class ExploreSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What only exploring knows. Its method has the settings of the loop."""

    condition: str = "default"
    """What differs between runs over the same tasks, in a word; it is recorded with each trial."""


class Explore:
    """Trials side by side, one for each task and repeat."""

    name = "explore"
    spec = ExploreSpec
    roles = ROLES
    families: Mapping[str, str] = {TRIAL: "trials"}
    points: Sequence[Point[Any, Any, Any]] = (
        *points.POINTS,
        *agent_points.POINTS,
        *learning_points.POINTS,
        *call_points.POINTS,
        SKILL_SCAN,
    )

    policies: Mapping[str, Policy] = SCAN_POLICIES
    """Of the scan, for methods that name none; its method names all others."""

    def doors(self, log: EventLog, ancestors: Sequence[str]) -> Mapping[type[Event], Port]:
        """None: every program has what this one touches."""
        del log, ancestors
        return {}

    def plan(
        self, opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts
    ) -> tuple[tuple[str, ...], tuple[TrialPlan, ...]]:
        """Plan a trial for each task and repeat.

        Raises:
            PriceUnknown: A cap is set, and a model has no price.
        """
        condition = msgspec.convert(specs[0].own, ExploreSpec).condition
        trials = trials_of(opened, specs, prompts, roles=self.roles, condition=condition)
        return tuple(each.name for each in trials), trials

    async def run(self, scope: Scope, plan: RunPlan) -> Mapping[str, str]:
        """Run every trial, as many at once as the ports let begin."""
        trials: tuple[TrialPlan, ...] = plan.own
        children = [Child(trial_stream(each.name), partial(trial, plan=each)) for each in trials]
        outcomes = await scope.gather(children)
        return {each.name: outcome for each, outcome in zip(trials, outcomes, strict=True)}


def trials_of(
    opened: RunOpened,
    specs: Sequence[RunSpec],
    prompts: Prompts,
    *,
    roles: Mapping[str, str | None] = ROLES,
    condition: str = "default",
) -> tuple[TrialPlan, ...]:
    """Plan a trial for each task and repeat of a run, whichever program begins them.

    Args:
        opened: Which tasks there are.
        specs: The spec of each run of the line, oldest first.
        prompts: What models are told.
        roles: Of the program.
        condition: What differs between runs over the same tasks.

    Raises:
        PriceUnknown: A cap is set, and a model has no price.
    """
    repeats, trials = specs[0].repeats, []
    for task in opened.tasks:
        for k in range(repeats):
            name = task.name if repeats == 1 else f"{task.name}.{k + 1}"
            eras = tuple(
                TrialTerms(spec, agent_named(spec.agent.name), callers_of(spec, roles, name)) for spec in specs
            )
            trials.append(TrialPlan(name, task.name, condition, prompts, eras))
    return tuple(trials)


EXPLORE: Final = Explore()
