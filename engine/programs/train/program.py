"""The program `train`: a skill is trained on the items of one set, past a gate on those of another."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Final

from anyio import to_thread
from msgspec import to_builtins
from msgspec.structs import replace

from engine.config.program import ArmInputs, RunPlan
from engine.config.spec import RunSpec
from engine.core.decision import Point, Policy
from engine.core.ports import EffectAddress, Port
from engine.core.prompts import Prompts
from engine.core.scope import Child, Scope
from engine.evaluating.item_sets import SetSeen, open_set
from engine.evaluating.store import EvaluationStore
from engine.items import points as item_points
from engine.items import rulings as item_rulings
from engine.items.base import ItemRef
from engine.items.item_set import ItemSelection, load_items
from engine.items.port import items_in
from engine.items.registry import item_format
from engine.programs.evaluate.arm_scans import read_tasks
from engine.programs.evaluate.points import CELL_SCORE
from engine.programs.evaluate.rollouts import check_rollout
from engine.programs.evaluate.rulings import score_cell
from engine.programs.explore.program import EXPLORE
from engine.programs.explore.rulings import choose_verifications, judge_attempt
from engine.programs.explore.verification_points import VERIFICATION, VERIFICATIONS
from engine.programs.train import edit_points, epoch_points, points, rulings
from engine.programs.train.actor import train
from engine.programs.train.checks import refuse_blind, refuse_overlap, refuse_wrong
from engine.programs.train.course import TrainInputs
from engine.programs.train.gate_points import GATE
from engine.programs.train.optimizer import points as optimizer_points
from engine.programs.train.optimizer import rulings as optimizer_rulings
from engine.programs.train.pause import PausePort
from engine.programs.train.plan import IDLE, ROLES, TARGET, TrainItem, TrainPlan, idle_spec, target_spec, tasks_for
from engine.programs.train.skill_input import initial_skill, settled_skill
from engine.programs.train.spec import PURPOSES, TrainItemsSpec, TrainSpec, items_of, train_spec
from engine.programs.train.trajectories import TrajectoryPort
from events.base import Event
from events.digest import Fingerprint, digest_of
from events.store.base import EventLog
from events.streams import (
    CELL,
    ITEM,
    OPTIMIZER,
    TRAIN,
    arm_of_cell,
    cell_stream,
    family_of,
    first_label,
    is_item_attempt,
    is_trial,
    item_cell_of,
    item_stream,
    trial_of,
)
from events.types.decision import Seen, Text
from events.types.evaluation import EvaluationAsked
from events.types.item import ItemsAsked, ItemsRead
from events.types.item_set import SetPurpose
from events.types.optimizing import TrajectoryAsked
from events.types.run import RunOpened, TaskPinned
from events.types.training import PauseAsked
from sandbox.harbor.task import Task


class Train:
    """One skill, trained."""

    name = "train"
    spec = TrainSpec
    roles: Mapping[str, str | None] = ROLES
    families: Mapping[str, str] = {CELL: "trials"}
    points: Sequence[Point[Any, Any, Any]] = (
        *points.POINTS,
        *edit_points.POINTS,
        *epoch_points.POINTS,
        GATE,
        *optimizer_points.POINTS,
        CELL_SCORE,
        VERIFICATIONS,
        VERIFICATION,
        *EXPLORE.points,
        *item_points.POINTS,
    )
    policies: Mapping[str, Policy] = MappingProxyType(
        {
            **rulings.POLICIES,
            **optimizer_rulings.POLICIES,
            CELL_SCORE.name: score_cell,
            VERIFICATIONS.name: choose_verifications,
            VERIFICATION.name: judge_attempt,
            **EXPLORE.policies,
            **item_rulings.POLICIES,
        }
    )

    def doors(self, log: EventLog, ancestors: Sequence[str]) -> Mapping[type[Event], Port]:
        """Open the store of evaluations, trajectories, and the pause."""
        return {
            EvaluationAsked: BatchStore(log, ancestors),
            TrajectoryAsked: TrajectoryPort(log),
            PauseAsked: PausePort(log),
        }

    def workspaces(self, spec: RunSpec) -> Sequence[str]:
        """Give the Dockerfile in whose image items are worked on; tasks bring their own, and some ways need none."""
        rollout = item_points.rollout_spec(spec)
        return [rollout.dockerfile] if item_points.needs_sandbox(rollout) and not spec.tasks else []

    def arms(self, spec: RunSpec) -> Mapping[str, RunSpec]:
        """Give the specs by which items are worked on: of the target, and of who does nothing, if anybody does."""
        idle = idle_spec(spec)
        return {TARGET: target_spec(spec), **({} if idle is None else {IDLE: idle})}

    def arm_of(self, stream: str) -> str | None:
        """Whoever works on items goes by the target's settings, but for who does nothing."""
        trial = stream.partition("/")[2] if family_of(stream) in {CELL, ITEM} else trial_of(stream)
        if trial is None:
            return None
        return IDLE if first_label(arm_of_cell(trial)) == IDLE else TARGET

    async def settled(self, log: EventLog, spec: RunSpec) -> RunSpec:
        """Name the run that the skill comes from by its id.

        Raises:
            ConfigRefused: The skill's source cannot be read.
            ArmSkillsUnusable: It names no run.
        """
        settings = train_spec(spec)
        if not settings.skill:
            return spec
        own = replace(settings, skill=await settled_skill(log, settings.skill))
        return replace(spec, own=to_builtins(own))

    async def given(
        self, log: EventLog, base: Path, arm: str, spec: RunSpec, tasks: Sequence[Task]
    ) -> ArmInputs | None:
        """Find the skill that training begins with, and see that the sets of items can be read whole.

        Raises:
            ConfigRefused: The settings cannot work, or an item stands in two sets.
            ItemsMissing, ItemsInvalid: A set cannot be read whole.
            WayUnsupported: Its items cannot be rolled out as the settings say.
            ArmSkillsUnusable: The skill cannot be given as it is.
        """
        settings = train_spec(spec)
        if arm == IDLE:
            return None
        if arm == TARGET:
            for purpose in PURPOSES:
                items = items_of(settings, purpose)
                if items is not None:
                    check_rollout(spec, items.format)
            return ArmInputs(await initial_skill(log, base, settings))
        refuse_wrong(spec, [task.name for task in tasks])
        found: dict[str, list[tuple[str, str]]] = {}
        for purpose in PURPOSES:
            of_tasks = [task for task in tasks if task.name in _named(settings, purpose, tasks)]
            found[purpose] = [(task.name, str(task.digest)) for task in of_tasks]
            items = items_of(settings, purpose)
            if items is not None:
                refs = await look_at_set(base, items)
                found[purpose] += [(f"{each.set}.{each.name}", str(each.digest)) for each in refs]
        refuse_overlap(found)
        refuse_blind(spec, len(found["selection"]), len(found["train"]))
        return None

    def parent_of(self, stream: str) -> str | None:
        """Cells and questions to the optimizer hang below the training; what is rolled out, below its cell."""
        if family_of(stream) in {CELL, *OPTIMIZER}:
            return TRAIN
        if is_item_attempt(stream):
            return item_stream(trial_of(stream) or "")
        begun = trial_of(stream) if is_trial(stream) else item_cell_of(stream)
        return None if begun is None else cell_stream(begun)

    def plan(self, opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts) -> tuple[tuple[str, ...], TrainPlan]:
        """Plan the training; which cells there are follows as it goes.

        Raises:
            PriceUnknown: A cap is set, and a model has no price.
        """
        idle = [each for each in map(idle_spec, specs) if each is not None]
        targets = tuple(target_spec(each) for each in specs)
        plan = TrainPlan(targets, tuple(specs), prompts, opened.tasks, tuple(idle) if len(idle) == len(specs) else ())
        plan.optimizers()
        return (TRAIN,), plan

    async def run(self, scope: Scope, plan: RunPlan) -> Mapping[str, str]:
        """Read the sets, and train."""
        inputs = await _inputs(scope, plan)
        if inputs is None:
            return {TRAIN: "infrastructure"}
        (ending,) = await scope.gather([Child(TRAIN, partial(train, plan=plan, inputs=inputs))])
        return {TRAIN: ending}


class BatchStore:
    """Answers `EvaluationAsked`, each batch of cells as of when its first one is asked for.

    So a pass finds what the run itself has stored before, and all of a pass is looked up as of one place.
    """

    def __init__(self, log: EventLog, line: Sequence[str]) -> None:
        self._log = log
        self._line = line
        self._stores: dict[str, EvaluationStore] = {}

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Look for an evaluation."""
        label = arm_of_cell(place.stream.partition("/")[2])
        if label not in self._stores:
            stores = [*self._stores.items()]  # two passes may be run side by side; the one before them has ended
            before = stores[0][1] if len(stores) > 1 else None
            self._stores = dict([*stores[-1:], (label, EvaluationStore(self._log, self._line, before))])
        return await self._stores[label](asked, place)


def _named(settings: TrainSpec, purpose: SetPurpose, tasks: Sequence[Task]) -> set[str]:
    pinned = [TaskPinned(task.name, Fingerprint(task.digest)) for task in tasks]
    return {each.name for each in tasks_for(settings, purpose, pinned)}


def set_name(items: TrainItemsSpec) -> str:
    """Name a set after its folder, as evaluations do."""
    return PurePosixPath(items.folder).name


async def look_at_set(base: Path, items: TrainItemsSpec) -> tuple[ItemRef, ...]:
    """See that a set can be read whole, before anything is recorded.

    Raises:
        ItemsMissing, ItemsInvalid: It cannot.
    """
    wanted = ItemSelection(items.split or "all", items.limit, items.shuffle, items.exclude)
    form = item_format(items.format)
    read = partial(load_items, set_name(items), form, base / items.folder, wanted, digest_of)
    return (await to_thread.run_sync(read)).items


async def _inputs(scope: Scope, plan: RunPlan) -> TrainInputs | None:
    """Read the sets and open them. None: one cannot be read any more."""
    settings = train_spec(plan.spec)
    found: dict[SetPurpose, Mapping[str, TrainItem]] = {}
    names: dict[SetPurpose, str] = {}
    shown: list[Text] = []
    for purpose in PURPOSES:
        of_tasks = tasks_for(settings, purpose, plan.opened.tasks)
        items = {each.name: TrainItem(each.name, each.digest, each.name, None, each) for each in of_tasks}
        names[purpose] = PurePosixPath(plan.spec.tasks).name if of_tasks else ""
        wanted = items_of(settings, purpose)
        if wanted is not None:
            read = await _read(scope, wanted)
            if read is None:
                return None
            questions, files = read
            items |= {each.name: each for each in questions}
            names[purpose] = set_name(wanted)
            shown += files
        found[purpose] = items
    sets: dict[SetPurpose, Seen[SetSeen]] = {}
    for purpose, of in found.items():
        if of:
            digests = {name: each.digest for name, each in of.items()}
            sets[purpose] = await open_set(scope, names[purpose], purpose, digests)
    tasks = await read_tasks(scope, [task.name for task in plan.opened.tasks])
    return TrainInputs(found, sets, tasks, tuple(dict.fromkeys(shown)))


async def _read(scope: Scope, items: TrainItemsSpec) -> tuple[list[TrainItem], list[Text]] | None:
    name = set_name(items)
    asked = ItemsAsked(
        name, items.format, items.folder, items.split or "all", items.limit, items.shuffle, items.exclude
    )
    read = await scope.effect(asked)
    if not isinstance(read, ItemsRead):
        return None
    at = scope.at
    found = [
        TrainItem(
            f"{ref.set}.{ref.name}",
            Fingerprint(ref.digest),
            ref.family or f"{ref.set}.{ref.name}",
            ref.task_type,
            ref,
            Text(ref.digest, at),
        )
        for ref in items_in(asked, read)
    ]
    return found, [Text(each, at) for each in read.shown]


TRAINING: Final = Train()
