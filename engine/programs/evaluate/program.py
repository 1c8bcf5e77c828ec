"""The program `evaluate`: arms x items x repeats, each cell looked for before it is rolled out, then compared."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec
from anyio import to_thread

from engine.agents.installed.skill_set import read_skills
from engine.agents.registry import agent_named
from engine.config.program import ArmInputs, RunPlan
from engine.config.spec import RunSpec
from engine.core.decision import Point, Policy
from engine.core.ports import Port
from engine.core.prompts import Prompts
from engine.core.scope import Child, Scope
from engine.effects.callers import callers_of
from engine.evaluating.store import EvaluationStore
from engine.policies.skill.placebo import placebo_of
from engine.programs.evaluate.arms import arm_specs, condition_of, family_of_item, own, series_of
from engine.programs.evaluate.cell import CellEnvironment, CellPlan, CellResult, cell
from engine.programs.evaluate.points import COMPARISON, ArmSaw, ComparisonSaw
from engine.programs.evaluate.rulings import compare_arms
from engine.programs.evaluate.spec import ArmSpec, EvaluateSpec
from engine.programs.explore.program import EXPLORE
from engine.programs.explore.trial import TrialPlan, TrialTerms
from events.base import Event
from events.store.base import EventLog
from events.streams import CELL, arm_of_cell, cell_name, cell_stream, family_of, is_trial, trial_of
from events.types.decision import Held
from events.types.evaluation import ArmsCompared, EvaluationAsked
from events.types.run import RunOpened, TaskPinned

_encoder: Final = msgspec.json.Encoder(order="deterministic")


class Evaluate:
    """Cells side by side, and what they show."""

    name = "evaluate"
    spec = EvaluateSpec
    roles: Mapping[str, str | None] = {**EXPLORE.roles, "distiller": None}
    """As in exploring, but nothing is distilled unless the spec names who is to do it."""
    families: Mapping[str, str] = {CELL: "trials"}
    points: Sequence[Point[Any, Any, Any]] = (COMPARISON, *EXPLORE.points)
    policies: Mapping[str, Policy] = MappingProxyType({COMPARISON.name: compare_arms})

    def doors(self, log: EventLog, ancestors: Sequence[str]) -> Mapping[type[Event], Port]:
        """Open the store of evaluations."""
        return {EvaluationAsked: EvaluationStore(log, ancestors)}

    def arms(self, spec: RunSpec) -> Mapping[str, RunSpec]:
        """Give the spec of each arm.

        Raises:
            ConfigRefused: An arm cannot be made from its settings.
        """
        return arm_specs(spec)

    async def given(self, log: EventLog, base: Path, arm: str, spec: RunSpec) -> ArmInputs | None:
        """Find what an arm is given: the skills that it names, or a placebo of their size, and its note.

        Raises:
            SkillsUnusable: There is no skill, or one that could not be given as it is.
        """
        del log
        settings = own(spec)
        return None if arm not in settings.arms else await _given(base, spec, condition_of(settings, arm))

    def arm_of(self, stream: str) -> str | None:
        """Name the arm of a cell, of its trial, and of all below that."""
        if family_of(stream) == CELL:
            return arm_of_cell(stream.partition("/")[2])
        trial = trial_of(stream)
        return None if trial is None else arm_of_cell(trial)

    def parent_of(self, stream: str) -> str | None:
        """A cell begins the trial of its own name."""
        trial = trial_of(stream) if is_trial(stream) else None
        return None if trial is None else cell_stream(trial)

    def plan(
        self, opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts
    ) -> tuple[tuple[str, ...], tuple[CellPlan, ...]]:
        """Plan a cell for each arm, item and repeat.

        Raises:
            ConfigRefused: An arm cannot be made from its settings.
            PriceUnknown: A cap is set, and a model has no price.
            OutputUnbounded: A cap is set, and the length of an answer is not bounded.
        """
        armed = [arm_specs(spec) for spec in specs]
        cells = tuple(
            _planned(self.roles, [each.get(arm, armed[-1][arm]) for each in armed], prompts, (arm, task, repeat))
            for arm in armed[-1]
            for task in opened.tasks
            for repeat in range(1, specs[-1].repeats + 1)
        )
        return tuple(each.name for each in cells), cells

    async def run(self, scope: Scope, plan: RunPlan) -> Mapping[str, str]:
        """Score every cell, and compare the arms."""
        cells: tuple[CellPlan, ...] = plan.own
        children = [Child(cell_stream(each.name), partial(cell, plan=each)) for each in cells]
        results = await scope.gather(children)
        saw = _saw(scope, cells, results)
        await scope.decide(COMPARISON, saw, lambda ruling, _: ArmsCompared(ruling.baseline, ruling.verdicts))
        return {each.name: result.outcome for each, result in zip(cells, results, strict=True)}


async def _given(base: Path, spec: RunSpec, arm: ArmSpec) -> ArmInputs:
    """Read an arm's skills. An empty name is an empty folder: the agent is told of skills, and there are none."""
    folder = spec.agent.skills
    skills: dict[str, bytes] | None = None if folder is None else {}
    if folder:
        skills = dict((await to_thread.run_sync(read_skills, base / folder)).files)
        skills = placebo_of(skills) if arm.placebo else skills
    return ArmInputs(skills, arm.note.encode() if arm.note else None)


def _planned(
    roles: Mapping[str, str | None], specs: Sequence[RunSpec], prompts: Prompts, place: tuple[str, TaskPinned, int]
) -> CellPlan:
    arm, task, repeat = place
    name = cell_name(arm, task.name, repeat)
    eras = tuple(TrialTerms(spec, agent_named(spec.agent.name), callers_of(spec, roles, name)) for spec in specs)
    spec = specs[-1]
    return CellPlan(
        arm=arm,
        item=task.name,
        item_digest=task.digest,
        unit=family_of_item(own(spec).family, task.name),
        repeat=repeat,
        series=series_of(own(spec), arm),
        environment=CellEnvironment(spec.sandbox, spec.verifier_network),
        reuse=own(spec).reuse,
        trial=TrialPlan(name, task.name, arm, prompts, eras),
    )


def _saw(scope: Scope, cells: Sequence[CellPlan], results: Sequence[CellResult]) -> ComparisonSaw:
    by_arm: dict[str, list[CellResult]] = {}
    for each, result in zip(cells, results, strict=True):
        by_arm.setdefault(each.arm, []).append(result)
    arms = tuple(
        ArmSaw(arm, Held(scope.put(_encoder.encode([each.saw for each in found])), found[-1].at))
        for arm, found in sorted(by_arm.items())
    )
    return ComparisonSaw(arms, max(each.repeat for each in cells))


EVALUATE: Final = Evaluate()
