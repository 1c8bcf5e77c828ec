"""What a training would do, cost and see, before anything is paid for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from anyio import to_thread
from msgspec.structs import replace
from rich.console import RenderableType
from rich.text import Text

from engine.config.spec import RunSpec
from engine.core.fold import fold_kept, fold_run
from engine.core.prompts import Prompts
from engine.effects.conversation import MessageImage
from engine.items.base import ItemRef
from engine.items.do_nothing import right_untouched
from engine.items.item_set import ItemSelection, decode_item, load_items
from engine.items.registry import item_format
from engine.policies.gates.base import GatePlan
from engine.policies.gates.power import EffectSeen, GatePower, gate_power
from engine.policies.gates.registry import gate_named, gate_settings
from engine.programs.evaluate.cell import CellPlan, key_parts
from engine.programs.train.gate_points import placebos_in
from engine.programs.train.plan import OPTIMIZER, TARGET, TrainItem, idle_spec, tasks_for
from engine.programs.train.spec import (
    PURPOSES,
    TrainItemsSpec,
    gate_name,
    is_compatible,
    items_of,
    train_spec,
)
from engine.runtime.context import RunContext
from engine.runtime.run import RunStart, plan_start
from events.digest import Digest, Fingerprint, digest_of
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.condition import Condition
from events.types.item_set import SetPurpose
from events.types.run import TaskPinned
from projections.cost import Cost
from projections.evaluations import Evaluations, EvaluationsState
from views.evaluations.cost_range import Basis, CellSpending, observed, spending_range
from views.runs.spending import total
from views.terminal.format import between, plural
from views.terminal.screen import Screen
from views.terminal.tables import TableView
from views.training.cost_bounds import CostBound, SkillSize, optimizer_bound, question_bound
from views.training.planned import GateCost, PlannedStage, SetSizes, stages, steps_in

_MOST_RUNS: Final = 20
"""Trainings whose optimizers' costs are read."""


class PlannedStageRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="planned_stage"):
    """A stage of a training that was not started."""

    stage: str
    who: str
    """``target``, ``optimizer``, or ``nobody``: what is tried untouched."""
    rollouts_least: int
    """Items that the target works on. 0 of the optimizer."""
    rollouts_most: int
    stored: int
    """Rollouts among the least whose score the log has."""
    calls_least: int
    calls_most: int | None
    """None: nothing bounds them. Calls that are made again are not among them."""
    cost_least_nano_usd: int | None
    """In units of 10^-9 US dollars. None: a price or a cost is unknown."""
    cost_most_nano_usd: int | None
    """None: unknown, or nothing bounds it but the budget."""
    unbounded: str
    """The setting that would bound the cost, such as ``prices.NAME``. Empty: it is bounded."""
    basis: Basis | None
    """What calls and cost rest on. None: nothing is missing."""


class PlannedTrainingRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="planned_training"):
    """A training that was not started."""

    steps: int
    train: int
    """Items of each set."""
    selection: int
    test: int
    do_nothing: int
    """Selection items that are right if nobody works on them. Those of tasks are known once they are tried."""
    gate: str
    candidates: int
    """That the gate rules on at most."""
    smallest_gain: float | None
    """The smallest improvement that the gate accepts with a probability of 80 %, over a skill that solves half of the
    items. None: not even one to 1."""
    useless: float
    """How often it accepts a candidate that changes nothing."""
    useless_run: float
    """How often a run of useless candidates accepts any."""
    harmful: EffectSeen
    """How often it accepts a candidate of this effect."""
    how: str
    """``exact`` or ``simulated``."""


class _Items(NamedTuple):
    """The items of a training."""

    sets: Mapping[SetPurpose, Sequence[TrainItem]]
    idle: int
    longest: int
    """Characters of the longest question, with what its images count for. 0: there is none."""


async def tell(setting: RunContext, screen: Screen, spec: RunSpec, *, skip_invalid: bool) -> None:
    """Plan a training, and say what it would take and see; nothing is recorded.

    Raises:
        StillroomError: The spec cannot work.
    """
    log = MemoryLog(clock=lambda: 0, redactor=setting.log.redactor)
    start = await plan_start(setting._replace(log=log, library=setting.log), spec, skip_invalid=skip_invalid)
    items = await _items(setting, spec, start)
    skill = await _skill_size(log, spec, start)
    planned, rows = await _training(spec, items), await _stages(setting.log, spec, start, (items, skill))
    screen.show([planned], TRAINING)
    screen.show(rows, STAGES)


async def _items(setting: RunContext, spec: RunSpec, start: RunStart) -> _Items:
    settings, idle, longest = train_spec(spec), 0, 0
    sets: dict[SetPurpose, Sequence[TrainItem]] = {}
    for purpose in PURPOSES:
        found = [
            TrainItem(each.name, each.digest, each.name, None, each)
            for each in tasks_for(settings, purpose, start.plan.opened.tasks)
        ]
        wanted = items_of(settings, purpose)
        if wanted is not None:
            read = await to_thread.run_sync(_load, setting, wanted)
            found += [_question(ref) for ref in read.items]
            idle += read.idle if purpose == "selection" else 0
            longest = max(longest, read.longest)
        sets[purpose] = found
    return _Items(sets, idle, longest)


class _LoadedSet(NamedTuple):
    """A set of questions as it was read."""

    items: Sequence[ItemRef]
    idle: int
    longest: int


def _load(setting: RunContext, wanted: TrainItemsSpec) -> _LoadedSet:
    """Read a set, count the items that are right untouched, and find the longest. Blocking."""
    kept: dict[Digest, bytes] = {}

    def put(data: bytes) -> Digest:
        digest = digest_of(data)
        kept[digest] = data
        return digest

    selection = ItemSelection(wanted.split or "all", wanted.limit, wanted.shuffle, wanted.exclude)
    name, form = set_name_of(wanted), item_format(wanted.format)
    found = load_items(name, form, setting.base / wanted.folder, selection, put).items
    items = [decode_item(kept[ref.digest]) for ref in found]
    shown = [sum(MessageImage(kept[one.digest], one.media_type).size for one in each.images) for each in items]
    longest = max((len(kept[ref.digest]) + images for ref, images in zip(found, shown, strict=True)), default=0)
    return _LoadedSet(found, sum(right_untouched(each, kept.__getitem__) for each in items), longest)


def set_name_of(wanted: TrainItemsSpec) -> str:
    """Name a set after its folder."""
    return wanted.folder.rstrip("/").rpartition("/")[2]


def _question(ref: ItemRef) -> TrainItem:
    name = f"{ref.set}.{ref.name}"
    return TrainItem(name, Fingerprint(ref.digest), ref.family or name, ref.task_type, ref)


def _sizes(spec: RunSpec, items: _Items) -> SetSizes:
    selection = len(items.sets["selection"])
    names = tuple(each.name for each in items.sets["train"])
    tried = 0 if idle_spec(spec) is None else sum(isinstance(each.work, TaskPinned) for each in items.sets["selection"])
    return SetSizes(names, selection, selection - items.idle, len(items.sets["test"]), tried)


async def _training(spec: RunSpec, items: _Items) -> PlannedTrainingRow:
    settings, sizes = train_spec(spec), _sizes(spec, items)
    steps = len(steps_in(settings, sizes, compatible=is_compatible(spec)))
    name, table = gate_name(spec, settings.gate), settings.gate.settings
    candidates = steps + (settings.epochs - 1 if settings.slow.on else 0) + placebos_in(settings, steps)
    plan = GatePlan(max(1, sizes.counted), max(1, candidates))
    power: GatePower = await to_thread.run_sync(gate_power, name, table, plan)
    return PlannedTrainingRow(
        steps=steps,
        train=len(sizes.train),
        selection=sizes.selection,
        test=sizes.test,
        do_nothing=items.idle,
        gate=name,
        candidates=candidates,
        smallest_gain=power.smallest,
        useless=power.useless,
        useless_run=power.useless_run,
        harmful=power.harmful,
        how=power.how,
    )


async def _skill_size(log: EventLog, spec: RunSpec, start: RunStart) -> SkillSize:
    """Say how large the skill may become; one that begins larger stays so."""
    files = [each.digest for skill in _condition(start).skills or () for each in skill.files]
    most = train_spec(spec).edits.max_chars
    sizes = [len(await log.get(each)) for each in files]
    return SkillSize(None if most is None else max([most, *sizes]), max(1, len(files)))


async def _stages(
    log: EventLog, spec: RunSpec, start: RunStart, given: tuple[_Items, SkillSize]
) -> list[PlannedStageRow]:
    (items, skill), plan = given, start.plan.own
    settings = train_spec(spec)
    sizes, compatible = _sizes(spec, items), is_compatible(spec)
    condition = _condition(start)
    stored = await fold_kept(log, Evaluations(), await log.head())
    first = [plan.cell(each, "start", 1, condition, settings.reuse) for each in items.sets["selection"]]
    found = _found(first, condition, stored) if settings.reuse == "all" else 0
    seen = (await observed(log, stored, {condition.digest})).get(condition.digest, ())
    asked = await _optimizer_calls(log, spec)
    per_epoch = -(-len(steps_in(settings, sizes, compatible=compatible)) // settings.epochs)
    rows = []
    for stage in stages(settings, sizes, _gate_cost(spec, sizes), compatible=compatible):
        if stage.who == "nobody":
            free = _of_target(stage, stage.amount.most, (plan.specs[-1], first), seen)  # with no call left to make
            rows.append(replace(free, stored=0))
        elif stage.who == "optimizer":
            bound = optimizer_bound(spec, stage.stage, plan.prompts, skill, per_epoch)
            rows.append(_of_optimizer(stage, asked, bound))
        else:
            row = _of_target(stage, found if stage.stage == "first pass" else 0, (plan.specs[-1], first), seen)
            rows.append(_bounded(row, _target_bound(spec, plan.prompts, items, skill)))
    return rows


def _target_bound(spec: RunSpec, prompts: Prompts, items: _Items, skill: SkillSize) -> CostBound:
    """Bound a call of the target. Of tasks nothing does but the tokens of an attempt."""
    tasks = any(isinstance(each.work, TaskPinned) for of in items.sets.values() for each in of)
    return CostBound(None, "agent.max_tokens") if tasks else question_bound(spec, prompts, skill, items.longest)


def _bounded(row: PlannedStageRow, bound: CostBound) -> PlannedStageRow:
    """Bound the cost of a stage of the target by its calls, where stored runs and limits of an attempt do not."""
    if row.basis is None or row.cost_most_nano_usd is not None:
        return row
    if bound.nano_usd is None or row.calls_most is None:
        return replace(row, unbounded=bound.lacks)
    return replace(row, cost_most_nano_usd=row.calls_most * bound.nano_usd)


def _condition(start: RunStart) -> Condition:
    condition = start.plan.eras[-1].arms[TARGET].condition
    assert condition is not None, "a run that starts now pins its conditions"
    return condition if condition.skills else replace(condition, skills=())


def _gate_cost(spec: RunSpec, sizes: SetSizes) -> GateCost:
    gate = train_spec(spec).gate
    name, table = gate_name(spec, gate), gate.settings
    rounds = getattr(gate_settings(name, table), "rounds", 0)
    return GateCost(gate_named(name, table, GatePlan(max(1, sizes.counted), 1)).paired, rounds)


def _found(cells: Sequence[CellPlan], condition: Condition, stored: EvaluationsState) -> int:
    return sum(digest_of(key_parts(each, condition.digest)) in stored.stored for each in cells)


def _of_target(
    stage: PlannedStage, stored: int, target: tuple[RunSpec, Sequence[CellPlan]], seen: Sequence[CellSpending]
) -> PlannedStageRow:
    spec, examples = target
    least, most = stage.amount.least - stored, stage.amount.most - stored
    row = PlannedStageRow(
        stage=stage.stage,
        who=stage.who,
        rollouts_least=stage.amount.least,
        rollouts_most=stage.amount.most,
        stored=stored,
        calls_least=0,
        calls_most=0,
        cost_least_nano_usd=0,
        cost_most_nano_usd=0,
        unbounded="",
        basis=None,
    )
    if not most:
        return row
    low, high = (spending_range(spec, number, examples[0], seen) for number in (least, most))
    return replace(
        row,
        basis=high.basis,
        calls_least=low.calls[0],
        calls_most=high.calls[1],
        cost_least_nano_usd=None if low.cost is None else low.cost[0],
        cost_most_nano_usd=None if high.cost is None else high.cost[1],
    )


def _of_optimizer(stage: PlannedStage, seen: Sequence[CellSpending], bound: CostBound) -> PlannedStageRow:
    """Say what calls of the optimizer may take, by what such calls of other trainings took, or by limits."""
    costs = [each.cost / each.calls for each in seen if each.cost is not None and each.calls]
    known = bool(costs) and len(costs) == len(seen)
    most = stage.amount.most
    least_cost, most_cost = (min(costs), max(costs)) if known else (0, bound.nano_usd)
    unpriced = not known and bound.lacks.startswith("prices.") and most > 0
    return PlannedStageRow(
        stage=stage.stage,
        who=stage.who,
        rollouts_least=0,
        rollouts_most=0,
        stored=0,
        calls_least=stage.amount.least,
        calls_most=most,
        cost_least_nano_usd=None if unpriced else round(stage.amount.least * least_cost),
        cost_most_nano_usd=0 if not most else None if most_cost is None else round(most * most_cost),
        unbounded="" if known or not most else bound.lacks,
        basis="stored runs" if known else "limits" if most else None,
    )


async def _optimizer_calls(log: EventLog, spec: RunSpec) -> list[CellSpending]:
    """Say what the optimizers of other trainings took, those of the same model."""
    model = spec.models.get(OPTIMIZER)
    runs = dict.fromkeys([each.stream.run async for each in log.read(Selection(tags={"train.planned"}))])
    found: list[CellSpending] = []
    for run in [*runs][-_MOST_RUNS:]:
        (cost,) = await fold_run(log, [Cost()], run)
        accounts = cost.runs[run].lines.values() if run in cost.runs else ()
        asked = [roles[OPTIMIZER] for roles in accounts if OPTIMIZER in roles]
        if asked and model is not None and {name for models in asked for name in models} == {model.model}:
            lines = [line for models in asked for line in models.values()]
            spent = total(lines)
            found.append(CellSpending(sum(line.calls for line in lines), None if spent.unknown else spent.cost))
    return found


def _sum(rows: Sequence[PlannedStageRow], field: str) -> int | None:
    values = [getattr(row, field) for row in rows]
    return None if None in values else sum(values)


def _totals(rows: Sequence[PlannedStageRow]) -> Iterator[RenderableType]:
    rollouts = between(_sum(rows, "rollouts_least"), _sum(rows, "rollouts_most"))
    calls = between(_sum(rows, "calls_least"), _sum(rows, "calls_most"))
    cost = between(_sum(rows, "cost_least_nano_usd"), _sum(rows, "cost_most_nano_usd"), cost=True)
    stored = sum(row.stored for row in rows)
    yield Text()
    yield Text(f"{rollouts} rollouts ({stored} stored), {calls} calls, cost {cost}, without calls that are made again")
    if keys := dict.fromkeys(row.unbounded for row in rows if row.unbounded):
        yield Text(f"an upper bound of the cost needs {', '.join(keys)}")
    if any(row.basis == "limits" and row.cost_most_nano_usd for row in rows):
        limits = (
            "limits: each file of the skill at train.edits.max_chars, trajectories and answers at their longest, one"
        )
        yield Text(f"{limits} token a character; files that edits add come on top", style="dim")
    yield Text("nothing was started")


def _seen(rows: Sequence[PlannedTrainingRow]) -> Iterator[RenderableType]:
    for row in rows:
        yield Text()
        gain = "no improvement, not even to 1" if row.smallest_gain is None else f"{100 * row.smallest_gain:.1f} points"
        yield Text(f"smallest improvement that gate {row.gate} accepts with 80 % probability: {gain}")
        harm = f"{100 * row.harmful.accepted:.0f} % of those that cost {-100 * row.harmful.effect:.0f} points"
        useless = f"{100 * row.useless:.0f} % of useless candidates ({100 * row.useless_run:.0f} % of runs accept one)"
        over = f"over a skill that solves half of {plural(row.selection - row.do_nothing, 'item')}; {row.how}"
        yield Text(f"it accepts {useless} and {harm}; {over}", style="dim")
        if row.do_nothing:
            yield Text(f"{plural(row.do_nothing, 'selection item')} right if nobody works on them: not counted")


STAGES: Final = TableView(
    PlannedStageRow,
    "stage who",
    (">rollouts", lambda row: between(row.rollouts_least, row.rollouts_most) if row.rollouts_most else None),
    (">calls", lambda row: between(row.calls_least, row.calls_most)),
    (">cost", lambda row: between(row.cost_least_nano_usd, row.cost_most_nano_usd, cost=True)),
    ("by", lambda row: row.basis),
    notes=_totals,
)
TRAINING: Final = TableView(
    PlannedTrainingRow,
    ">steps >train >selection >test",
    "gate >candidates",
    notes=_seen,
)
