"""The program `evolve`: libraries of skills are learnt over a suite, frozen, and measured on what was held out."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Final

from anyio import to_thread
from msgspec.structs import replace

from engine.config.program import ArmInputs, RunPlan
from engine.config.spec import RunSpec
from engine.core.decision import Point, Policy
from engine.core.gathering import ActorsHeldBack
from engine.core.ports import Port
from engine.core.prompts import Prompts
from engine.core.scope import Child, Scope
from engine.evaluating.store import EvaluationStore
from engine.programs.evaluate.arm_scans import read_tasks
from engine.programs.evaluate.points import CELL_SCORE
from engine.programs.evaluate.rulings import score_cell
from engine.programs.evolve import points, retrieval_points, rulings, trace_points, trace_rulings, upkeep_points
from engine.programs.evolve.arm_specs import arm_specs, read_arms, settled_arms
from engine.programs.evolve.author import points as author_points
from engine.programs.evolve.author import rulings as author_rulings
from engine.programs.evolve.author.session import SessionPort
from engine.programs.evolve.checks import refuse_other_libraries, refuse_other_suite, refuse_wrong
from engine.programs.evolve.library_actor import evolve_library
from engine.programs.evolve.plan import EvolvePlan, SuiteInput
from engine.programs.evolve.reads import SkillReadsPort
from engine.programs.evolve.schedule import LibraryPlan, order_of, planned_library, schedule
from engine.programs.evolve.spec import ROLES, EvolveSpec, evolve_spec
from engine.programs.evolve.traces import TracePort
from engine.programs.explore.program import EXPLORE
from engine.programs.explore.rulings import choose_verifications, judge_attempt
from engine.programs.explore.verification_points import VERIFICATION, VERIFICATIONS
from engine.programs.train.pause import PausePort
from engine.retrieval.port import RankingPort
from engine.suites.read import read_suite
from events.base import Event
from events.digest import digest_of
from events.store.base import EventLog
from events.streams import (
    AUTHOR,
    CELL,
    LIBRARY,
    RETRIEVE,
    arm_of_cell,
    cell_stream,
    is_trial,
    item_of,
    library_of,
    library_stream,
    read_library_label,
    trial_of,
)
from events.types.authoring import SessionAsked, TraceAsked
from events.types.evaluation import EvaluationAsked
from events.types.evolution import EvolutionPlanned, SkillReadsAsked
from events.types.retrieval import RankingAsked
from events.types.run import RunOpened
from events.types.suite import Suite, SuiteAsked, SuiteRead, read_suite_blob
from events.types.training import PauseAsked
from sandbox.harbor.task import Task

HELD: Final = "held"
"""What a library comes to in a process that lets go of it before its end."""


class Evolve:
    """Libraries side by side: one for each arm, repeat and scope."""

    name = "evolve"
    spec = EvolveSpec
    roles: Mapping[str, str | None] = ROLES
    families: Mapping[str, str] = {CELL: "trials"}
    points: Sequence[Point[Any, Any, Any]] = (
        *points.POINTS,
        upkeep_points.MAINTENANCE,
        *retrieval_points.POINTS,
        *trace_points.POINTS,
        *author_points.POINTS,
        CELL_SCORE,
        VERIFICATIONS,
        VERIFICATION,
        *EXPLORE.points,
    )
    policies: Mapping[str, Policy] = MappingProxyType(
        {
            **rulings.POLICIES,
            **retrieval_points.POLICIES,
            **trace_rulings.POLICIES,
            **author_rulings.POLICIES,
            CELL_SCORE.name: score_cell,
            VERIFICATIONS.name: choose_verifications,
            VERIFICATION.name: judge_attempt,
            **EXPLORE.policies,
        }
    )

    def doors(self, log: EventLog, ancestors: Sequence[str]) -> Mapping[type[Event], Port]:
        """Open what is read of the run's own trials, what ranks skills, and the pause."""
        return {
            EvaluationAsked: EvaluationStore(log, ancestors),
            TraceAsked: TracePort(log),
            SessionAsked: SessionPort(log),
            SkillReadsAsked: SkillReadsPort(log),
            RankingAsked: RankingPort(log),
            PauseAsked: PausePort(log),
        }

    def arms(self, spec: RunSpec) -> Mapping[str, RunSpec]:
        """Give the spec of each arm.

        Raises:
            ConfigRefused: An arm is unknown, or cannot be made of what it says.
        """
        return arm_specs(spec)

    def arm_of(self, stream: str) -> str | None:
        """Name the arm of a library, and of all below it."""
        family, _, place = stream.partition("/")
        if family in {LIBRARY, AUTHOR, RETRIEVE}:
            return place.partition("/")[0].partition(".")[0]
        name = place if family == CELL else trial_of(stream)
        label = None if name is None else read_library_label(arm_of_cell(name))
        return None if label is None else label.arm

    def item_of(self, stream: str) -> str | None:
        """Name the task of a cell, of its trial, and of all below that."""
        return item_of(stream)

    def parent_of(self, stream: str) -> str | None:
        """Cells and questions hang below their library, and a trial below its cell."""
        if is_trial(stream):
            return cell_stream(trial_of(stream) or "")
        return library_of(stream)

    async def settled(self, log: EventLog, spec: RunSpec) -> RunSpec:
        """Write every arm out, and find the tasks of the suite where no others are named.

        Raises:
            ConfigRefused: An arm is unknown, or cannot be made of what it says.
        """
        del log
        spec = settled_arms(spec)
        suite = evolve_spec(spec).suite
        return spec if spec.tasks or not suite else replace(spec, tasks=tasks_folder(suite))

    async def given(
        self, log: EventLog, base: Path, arm: str, spec: RunSpec, tasks: Sequence[Task]
    ) -> ArmInputs | None:
        """See that the suite can be read whole, and that the settings are about it.

        Raises:
            ConfigRefused: The settings cannot work.
            SuiteInvalid: The suite cannot be read whole.
        """
        del log
        if not arm:
            refuse_wrong(spec)
            suite = await look_at_suite(base, evolve_spec(spec), tasks)
            names = [task.name for task in tasks] if spec.tasks else [each.task for each in suite.tasks]
            refuse_other_suite(spec, suite, names)
        return ArmInputs({})

    def plan(self, opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts) -> tuple[tuple[str, ...], EvolvePlan]:
        """Plan the arms; which libraries there are follows from the suite.

        Raises:
            ConfigRefused: A later spec has other libraries.
            PriceUnknown: A cap is set, and a model has no price.
        """
        by_era = [arm_specs(each) for each in specs]
        refuse_other_libraries(specs)
        arms = {name: tuple(each[name] for each in by_era) for name in by_era[0]}
        plan = EvolvePlan(arms, prompts, {each.name: each for each in opened.tasks})
        for name in arms:
            plan.callers(name, "teacher", "")
        return (), plan

    async def run(self, scope: Scope, plan: RunPlan) -> Mapping[str, str]:
        """Read the suite, and go through every library."""
        suite = await _suite(scope, plan)
        if suite is None:
            return {"suite": "infrastructure"}
        first = plan.eras[0].spec
        settings, arms = evolve_spec(first), read_arms(evolve_spec(first))
        libraries = schedule(suite.suite, settings, arms)
        await scope.record(
            EvolutionPlanned(
                suite=suite.suite.name,
                release=suite.suite.release or "",
                digest=suite.suite.digest,
                order=order_of(settings, sorted(suite.environments)),
                libraries=tuple(planned_library(each, arms[each.arm]) for each in libraries),
            )
        )
        names = [library_stream(each.course, each.scope) for each in libraries]
        children = [
            Child(name, partial(_until_held, run=plan, library=each, suite=suite))
            for name, each in zip(names, libraries, strict=True)
        ]
        endings = dict(zip(names, await scope.gather(children), strict=True))
        held = [name for name, ending in endings.items() if ending == HELD]
        if held:
            raise ActorsHeldBack(held, {name: each for name, each in endings.items() if each != HELD})
        return endings


async def _until_held(scope: Scope, run: RunPlan, library: LibraryPlan, suite: SuiteInput) -> str:
    """Go through a library; where it cannot go on in this process, let the others go on."""
    try:
        return await evolve_library(scope, run, library, suite)
    except ActorsHeldBack:
        return HELD


def tasks_folder(suite: str) -> str:
    """Give the folder of a suite's tasks: SkillEvolBench's own stand in ``benchmark/tasks``."""
    nested = PurePosixPath(suite) / "benchmark" / "tasks"
    return str(nested if Path(nested).is_dir() else PurePosixPath(suite) / "tasks")


async def look_at_suite(base: Path, settings: EvolveSpec, tasks: Sequence[Task]) -> Suite:
    """Read a suite before anything is recorded.

    Raises:
        SuiteInvalid: It cannot be read whole.
    """
    return await to_thread.run_sync(partial(read_suite, base / settings.suite, digest_of, tasks))


async def _suite(scope: Scope, plan: RunPlan) -> SuiteInput | None:
    """Read the suite, and what its tasks say and expect. None: it cannot be read any more."""
    read = await scope.effect(SuiteAsked(evolve_spec(plan.eras[0].spec).suite))
    if not isinstance(read, SuiteRead):
        return None
    suite = read_suite_blob(await scope.get(read.suite))
    scanned = await read_tasks(scope, [task.name for task in plan.opened.tasks])
    return SuiteInput(
        suite,
        {each.task: each for each in suite.tasks},
        {each.id: each for each in suite.environments},
        {each.task: each for each in scanned},
    )


EVOLVE: Final = Evolve()
