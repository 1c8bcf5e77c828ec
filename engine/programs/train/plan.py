"""What a training is made of: the spec of whoever works on items, its items, and the cells that they lead to; pure."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from engine.agents.registry import agent_named
from engine.config.spec import AgentSpec, RunSpec
from engine.core.prompts import Prompts
from engine.effects.callers import callers_of
from engine.effects.model_calls import Caller
from engine.items.base import ItemRef
from engine.items.do_nothing import DO_NOTHING_AGENT
from engine.items.points import needs_sandbox, rollout_spec
from engine.items.work import ItemTerms
from engine.programs.evaluate.cell import CellEnvironment, CellPlan, QuestionPlan
from engine.programs.evaluate.plan import JUDGE, NO_VERIFIER
from engine.programs.evaluate.rollouts import sandbox_terms
from engine.programs.explore.trial import TrialPlan, TrialTerms
from engine.programs.train.spec import TrainSpec
from events.digest import Fingerprint
from events.streams import cell_name, item_cell
from events.types.condition import Condition
from events.types.decision import Text
from events.types.evaluation import Reuse
from events.types.run import TaskPinned

TARGET: Final = "target"
"""Role of the model that works on items, and the arm whose streams go by it."""
IDLE: Final = "idle"
"""Arm of the agent that does nothing, and label of its cells."""
OPTIMIZER: Final = "optimizer"
"""Role of the model that proposes changes of the skill."""
ROLES: Final[Mapping[str, str | None]] = {
    TARGET: None,
    OPTIMIZER: None,
    "teacher": TARGET,
    "reflector": "teacher",
    "distiller": None,
    JUDGE: None,
}
"""In cells the target speaks as the teacher does in an evaluation, so that scores of one are found by the other."""


class TrainItem(NamedTuple):
    """An item, whichever kind it is."""

    name: str
    digest: Fingerprint
    unit: str
    """What is independent of all else: the item's family, or the item."""
    task_type: str | None
    work: ItemRef | TaskPinned
    read: Text | None = None
    """A question, as it was read. None: it is a task."""


def target_spec(spec: RunSpec) -> RunSpec:
    """Give the spec that an evaluation of the target would have: the optimizer is no part of it."""
    models = {role: model for role, model in spec.models.items() if role not in {TARGET, OPTIMIZER, "teacher"}}
    if TARGET in spec.models:
        models["teacher"] = spec.models[TARGET]
    elif "teacher" in spec.models:
        models["teacher"] = spec.models["teacher"]
    return replace(spec, models=models)


def idle_spec(spec: RunSpec) -> RunSpec | None:
    """Give the spec that an evaluation of doing nothing would have. None: no task is tried so."""
    settings = msgspec.convert(spec.own, TrainSpec)
    if not settings.idle or not settings.tasks.selection:
        return None
    method = spec.method
    once = replace(method, attempts=1) if "attempts" in method.__struct_fields__ else method
    return replace(target_spec(spec), models={}, agent=AgentSpec(name=DO_NOTHING_AGENT), method=once)


def tasks_for(settings: TrainSpec, purpose: str, tasks: Sequence[TaskPinned]) -> list[TaskPinned]:
    """Give the tasks that are for a purpose, in the order of their names."""
    patterns: tuple[str, ...] = getattr(settings.tasks, purpose)
    found = [task for task in tasks if any(fnmatchcase(task.name, each) for each in patterns)]
    return sorted(found, key=lambda task: task.name)


class TrainPlan(NamedTuple):
    """The settings of each run of the line, oldest first, and what models are told."""

    specs: tuple[RunSpec, ...]
    """Of whoever works on items."""
    own: tuple[RunSpec, ...]
    """Of the run."""
    prompts: Prompts
    tasks: tuple[TaskPinned, ...]
    idle: tuple[RunSpec, ...] = ()
    """The settings of each run of the line under which nothing is done. Empty: one of them has none."""

    def optimizers(self) -> tuple[Caller, ...]:
        """Say whom to ask for changes, by era."""
        return tuple(callers_of(each, ROLES, OPTIMIZER)[OPTIMIZER] for each in self.own)

    def cell(self, item: TrainItem, label: str, repeat: int, given: Condition, reuse: Reuse) -> CellPlan:
        """Plan a cell of an item.

        Args:
            item: Which.
            label: Of the cells that are begun together.
            repeat: From 1.
            given: The condition, with the skill.
            reuse: Whose stored score counts.
        """
        if isinstance(item.work, TaskPinned):
            return self._of_task(item, label, repeat, given, self.specs)._replace(reuse=reuse)
        return self._of_question(item, item.work, (label, repeat), given)._replace(reuse=reuse)

    def idle_cell(self, item: TrainItem, label: str, given: Condition, reuse: Reuse) -> CellPlan:
        """Plan the cell of a task in which nothing is done; the arguments are those of `cell`."""
        return self._of_task(item, label, 1, given, self.idle)._replace(reuse=reuse)

    def _of_task(
        self, item: TrainItem, label: str, repeat: int, given: Condition, specs: Sequence[RunSpec]
    ) -> CellPlan:
        name, spec = cell_name(label, item.name, repeat), specs[-1]
        eras = tuple(TrialTerms(each, agent_named(each.agent.name), callers_of(each, ROLES, name)) for each in specs)
        return CellPlan(
            arm=label,
            item=item.name,
            item_digest=item.digest,
            unit=item.unit,
            repeat=repeat,
            series=0,
            environment=CellEnvironment(spec.sandbox, spec.verifier_network),
            rollout=None,
            reuse="never",
            work=TrialPlan(name, item.name, label, self.prompts, eras, given=given),
            given=given,
        )

    def _of_question(self, item: TrainItem, ref: ItemRef, place: tuple[str, int], given: Condition) -> CellPlan:
        (label, repeat), spec = place, self.specs[-1]
        name, rollout = item_cell(ref.set, ref.name, repeat, label), rollout_spec(spec)
        callers = [callers_of(each, ROLES, name) for each in self.specs]
        judges = tuple(each[JUDGE] for each in callers if JUDGE in each)
        eras = tuple(sandbox_terms(each) for each in self.specs) if needs_sandbox(rollout) else ()
        terms = ItemTerms(
            tuple(each["teacher"] for each in callers),
            self.prompts,
            rollout.way,
            repeat,
            label,
            eras,
            judges if len(judges) == len(callers) else (),
        )
        return CellPlan(
            arm=label,
            item=item.name,
            item_digest=item.digest,
            unit=item.unit,
            repeat=repeat,
            series=0,
            environment=CellEnvironment(spec.sandbox, NO_VERIFIER) if eras else None,
            rollout=rollout,
            reuse="never",
            work=QuestionPlan(name, ref, terms),
            given=given,
        )
