"""The program `evaluate`: arms x items x repeats, each cell looked for before it is rolled out, then compared."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from anyio import to_thread
from msgspec import to_builtins
from msgspec.structs import replace

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.program import ArmInputs, RunPlan
from engine.config.spec import RunSpec
from engine.core.decision import COURSE_RECORDED, Point, Policy
from engine.core.ports import Port
from engine.core.prompts import Prompts
from engine.core.scope import Scope, Stopped
from engine.evaluating.item_sets import SetSeen, open_set
from engine.evaluating.looks import LooksPort, arm_plan
from engine.evaluating.store import EvaluationStore
from engine.items import points as item_points
from engine.items import rulings as item_rulings
from engine.items.base import ItemRef
from engine.items.item_set import ItemSelection, load_bytes, load_items
from engine.items.port import items_in
from engine.items.registry import item_format
from engine.programs.evaluate.alike import refuse_alike
from engine.programs.evaluate.arm_inputs import ArmSkills
from engine.programs.evaluate.arm_scans import require_sound, scan_arms
from engine.programs.evaluate.arms import arm_specs, condition_of, own, written
from engine.programs.evaluate.cell import CellPlan, CellResult, QuestionPlan
from engine.programs.evaluate.library_skills import run_named
from engine.programs.evaluate.plan import JUDGE, EvaluationPlan, purpose_of
from engine.programs.evaluate.points import CELL_SCORE, COMPARISON, NEXT_CELLS, ArmSaw, ComparisonSaw, LooksSeen
from engine.programs.evaluate.progress import begin, roll_out, table_of
from engine.programs.evaluate.rollouts import check_rollout
from engine.programs.evaluate.rulings import choose_cells, compare_arms, score_cell
from engine.programs.evaluate.sets import refuse_shared_names, sets_of
from engine.programs.evaluate.skill_sources import renamed, runs_named
from engine.programs.evaluate.spec import EvaluateSpec, ItemsSpec
from engine.programs.explore.program import EXPLORE
from engine.programs.explore.rulings import choose_verifications, judge_attempt
from engine.programs.explore.trial import TrialPlan
from engine.programs.explore.verification_points import VERIFICATION, VERIFICATIONS
from events.base import Event, Ref
from events.digest import Digest, Fingerprint, digest_of
from events.store.base import EventLog
from events.streams import (
    CELL,
    ITEM,
    arm_of_cell,
    cell_stream,
    family_of,
    is_item_attempt,
    is_trial,
    item_cell_of,
    item_of,
    item_stream,
    trial_of,
)
from events.types.decision import Seen, Text
from events.types.evaluation import ArmsCompared, EvaluationAsked, LooksAsked, LooksFound
from events.types.item import ItemsAsked, ItemsRead
from events.types.run import RunOpened
from events.types.session import FoundImageSkills
from sandbox.harbor.image_skills import image_skills, without_image_skills
from sandbox.harbor.task import Task, load_task


class Evaluate:
    """Cells side by side, and what they show."""

    name = "evaluate"
    spec = EvaluateSpec
    roles: Mapping[str, str | None] = {**EXPLORE.roles, "distiller": None, JUDGE: None}
    """As in exploring, but nothing is distilled unless the spec names who is to do it."""
    families: Mapping[str, str] = {CELL: "trials"}
    points: Sequence[Point[Any, Any, Any]] = (
        CELL_SCORE,
        COMPARISON,
        NEXT_CELLS,
        VERIFICATIONS,
        VERIFICATION,
        *EXPLORE.points,
        *item_points.POINTS,
    )
    """Among those of exploring: the scan of skills, which is made of what arms are given, too."""
    policies: Mapping[str, Policy] = MappingProxyType(
        {
            CELL_SCORE.name: score_cell,
            COMPARISON.name: compare_arms,
            NEXT_CELLS.name: choose_cells,
            VERIFICATIONS.name: choose_verifications,
            VERIFICATION.name: judge_attempt,
            **EXPLORE.policies,
            **item_rulings.POLICIES,
        }
    )

    def doors(self, log: EventLog, ancestors: Sequence[str]) -> Mapping[type[Event], Port]:
        """Open the store of evaluations."""
        return {EvaluationAsked: EvaluationStore(log, ancestors), LooksAsked: LooksPort(log)}

    def arms(self, spec: RunSpec) -> Mapping[str, RunSpec]:
        """Give the spec of each arm.

        Raises:
            ConfigRefused: An arm cannot be made from its settings.
        """
        return arm_specs(spec)

    async def settled(self, log: EventLog, spec: RunSpec) -> RunSpec:
        """Name each run that arms have skills from by its id.

        Raises:
            ConfigRefused: A source of skills cannot be read.
            ArmSkillsUnusable: A source names no run.
        """
        arm_specs(spec)
        settings = written(spec)
        named = sorted(set(runs_named(settings)))
        if not named:
            return spec
        return replace(spec, own=to_builtins(renamed(settings, {name: await run_named(log, name) for name in named})))

    async def given(
        self, log: EventLog, base: Path, arm: str, spec: RunSpec, tasks: Sequence[Task]
    ) -> ArmInputs | None:
        """Find what an arm is given: the skills that it names, or a placebo of their size, and its note.

        Raises:
            ArmSkillsUnusable: There is no skill, or one that could not be given as it is, or a scan has it refused.
            ConfigRefused: There is neither a task nor an item.
            ItemsMissing, ItemsInvalid: The set of items cannot be read whole.
            WayUnsupported: They cannot be rolled out as the settings say.
        """
        settings = own(spec)
        if not arm:
            sets = sets_of(settings)
            if not spec.tasks and not sets:
                problem = ConfigProblem(
                    "the spec", "tasks", "there is nothing to evaluate", "set tasks, or evaluate.items.folder"
                )
                raise ConfigRefused([problem])
            refuse_shared_names(sets, [task.name for task in tasks])
            for name, items in sets.items():
                await look_at_items(base, name, items)
        for items in sets_of(settings).values():
            check_rollout(spec, items.format)
        if arm not in settings.arms:
            return None
        names = tuple(task.name for task in tasks)
        found = await ArmSkills(log, base, arm, condition_of(settings, arm)).find(spec, names, settings.without_skill)
        await require_sound(arm, found, tasks, settings.scan)
        return found

    def workspaces(self, spec: RunSpec) -> Sequence[str]:
        """Give the Dockerfile in whose image items are worked on, if there are any and their way needs a sandbox."""
        rollout = item_points.rollout_spec(spec)
        return [rollout.dockerfile] if item_points.needs_sandbox(rollout) and sets_of(own(spec)) else []

    def arm_of(self, stream: str) -> str | None:
        """Name the arm of a cell, of its trial, and of all below that."""
        if family_of(stream) in {CELL, ITEM}:
            return arm_of_cell(stream.partition("/")[2])
        trial = trial_of(stream)
        return None if trial is None else arm_of_cell(trial)

    def refuse_alike(self, spec: RunSpec, conditions: Mapping[str, Digest]) -> None:
        """Refuse arms of one condition, whose cells would be stored under one key.

        Raises:
            ConfigRefused: There are two.
        """
        refuse_alike(own(spec), conditions)

    def fitted(self, spec: RunSpec, task: Task) -> Task:
        """Give a task without the skills that its image brings, unless the spec keeps them."""
        return task if own(spec).image_skills == "keep" else without_image_skills(task, image_skills(task))

    def image_skills(self, spec: RunSpec, task: Task) -> FoundImageSkills | None:
        """Say which skills the image of a task brings, and whether they are taken out."""
        brought = image_skills(load_task(task.path))
        if not brought.found and not brought.left:
            return None
        return FoundImageSkills(task.name, brought.found, brought.left, own(spec).image_skills == "strip")

    def item_of(self, stream: str) -> str | None:
        """Name the task of a cell, of its trial, and of all below that."""
        return item_of(stream)

    def parent_of(self, stream: str) -> str | None:
        """A cell begins the trial or the question of its own name, and a question the attempts at it."""
        if is_item_attempt(stream):
            return item_stream(trial_of(stream) or "")
        begun = trial_of(stream) if is_trial(stream) else item_cell_of(stream)
        return None if begun is None else cell_stream(begun)

    def plan(
        self, opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts
    ) -> tuple[tuple[str, ...], EvaluationPlan]:
        """Plan a cell for each arm, task and repeat; those of questions follow once these are read.

        Raises:
            ConfigRefused: An arm cannot be made from its settings.
            PriceUnknown: A cap is set, and a model has no price.
        """
        armed = [arm_specs(spec) for spec in specs]
        arms = {name: tuple(each.get(name, spec) for each in armed) for name, spec in armed[-1].items()}
        plan = EvaluationPlan(self.roles, arms, prompts, specs[-1].repeats, own(specs[-1]))
        cells = tuple(plan.of_task(arm, task, k) for arm in arms for task in opened.tasks for k in plan.numbers)
        return tuple(each.name for each in cells), plan._replace(tasks=cells)

    async def run(self, scope: Scope, plan: RunPlan) -> Mapping[str, str]:
        """Score every cell, and compare the arms."""
        found, unread = await _items(scope, plan)
        cells = (*plan.own.tasks, *(cell for each in found for cell in plan.own.of_questions(each.items)))
        if not cells:
            return unread
        if scope.shape < COURSE_RECORDED:
            return await _as_before(scope, cells) | unread
        sets = await _opened(scope, plan, cells)
        await scan_arms(scope, plan, [Text(Digest(each.digest), one.at) for one in found for each in one.items])
        results = await roll_out(scope, cells)
        arms = _arms(scope, cells, results)
        saw = ComparisonSaw(arms, _repeats(cells), sets, await _earlier(scope, arms))
        digests = tuple(each.value.digest for each in sets)
        await scope.decide(
            COMPARISON,
            saw,
            lambda ruling, _: ArmsCompared(ruling.baseline, ruling.verdicts, ruling.looks, sets=digests),
        )
        return _outcomes(cells, results) | unread


async def _as_before(scope: Scope, cells: Sequence[CellPlan]) -> dict[str, str]:
    """Go on as runs of earlier shapes began: all cells at once, and their scores alone are compared."""
    results = await begin(scope, cells)
    arms = tuple(replace(each, plan=None) for each in _arms(scope, cells, results))
    saw = ComparisonSaw(arms, _repeats(cells))
    await scope.decide(COMPARISON, saw, lambda ruling, _: ArmsCompared(ruling.baseline, ruling.verdicts))
    return _outcomes(cells, results)


def _outcomes(cells: Sequence[CellPlan], results: Sequence[CellResult]) -> dict[str, str]:
    return {each.name: result.outcome for each, result in zip(cells, results, strict=True)}


async def look_at_items(base: Path, name: str, items: ItemsSpec) -> tuple[ItemRef, ...]:
    """See that a set can be read whole, before anything is recorded.

    Raises:
        ItemsMissing, ItemsInvalid: It cannot.
    """
    wanted = ItemSelection(items.split, items.limit, items.shuffle, items.exclude)
    read = partial(load_items, name, item_format(items.format), base / items.folder, wanted, digest_of)
    return (await to_thread.run_sync(read)).items


async def read_items(base: Path, name: str, items: ItemsSpec) -> tuple[bytes, ...]:
    """Read the items of a set, each as canonical JSON with what it expects; nothing is recorded.

    Raises:
        ItemsMissing, ItemsInvalid: It cannot be read whole.
    """
    wanted = ItemSelection(items.split, items.limit, items.shuffle, items.exclude)
    read = partial(load_bytes, name, item_format(items.format), base / items.folder, wanted)
    return tuple((await to_thread.run_sync(read)).values())


class _ReadSet(NamedTuple):
    """A set of items as it was read."""

    items: tuple[ItemRef, ...]
    at: Ref
    """Where that is recorded."""


async def _items(scope: Scope, plan: RunPlan) -> tuple[list[_ReadSet], dict[str, str]]:
    """Read the sets of items; say which cannot be read.

    They were looked at before the run began, so somebody has changed such a set since.
    """
    found: list[_ReadSet] = []
    unread: dict[str, str] = {}
    settings = own(plan.spec)
    for name, items in sets_of(settings).items():
        exclude = tuple(items.exclude)
        asked = ItemsAsked(name, items.format, items.folder, items.split, items.limit, items.shuffle, exclude)
        read = await scope.effect(asked)
        if isinstance(read, ItemsRead):
            found.append(_ReadSet(items_in(asked, read), scope.at))
        else:
            unread[f"sets/{name}" if name in settings.sets else "items"] = "infrastructure"
    return found, unread


async def _opened(scope: Scope, plan: RunPlan, cells: Sequence[CellPlan]) -> tuple[Seen[SetSeen], ...]:
    """Record which sets are opened: that of the tasks and those of questions, as far as there are any."""
    settings = own(plan.spec)
    tasks = {each.item: each.item_digest for each in cells if isinstance(each.work, TrialPlan)}
    named = [(PurePosixPath(plan.spec.tasks).name, settings.purpose, tasks)]
    for name, items in sets_of(settings).items():
        asked = [each for each in cells if isinstance(each.work, QuestionPlan) and each.work.ref.set == name]
        named.append((name, purpose_of(items), {each.item: each.item_digest for each in asked}))
    return tuple([await open_set(scope, name, purpose, items) for name, purpose, items in named if items])


def _repeats(cells: Sequence[CellPlan]) -> int:
    return max(each.repeat for each in cells)


def _arms(scope: Scope, cells: Sequence[CellPlan], results: Sequence[CellResult]) -> tuple[ArmSaw, ...]:
    """Give what each arm came to, by name."""
    by_arm: dict[str, list[CellResult]] = {}
    for each, result in zip(cells, results, strict=True):
        by_arm.setdefault(each.arm, []).append(result)
    return tuple(ArmSaw(arm, table_of(scope, found), _plan_of(found)) for arm, found in sorted(by_arm.items()))


def _plan_of(results: Sequence[CellResult]) -> Fingerprint:
    return arm_plan(each.key for each in results if each.saw.repeat == 1)


async def _earlier(scope: Scope, arms: Sequence[ArmSaw]) -> Seen[LooksSeen] | None:
    """Find what compared these arms over these items before. None: a stop came first."""
    try:
        found = await scope.effect(LooksAsked(tuple(sorted({arm.plan for arm in arms if arm.plan is not None}))))
    except Stopped:
        return None
    assert isinstance(found, LooksFound)
    return Seen(scope.at, LooksSeen(found.looks))


EVALUATE: Final = Evaluate()
