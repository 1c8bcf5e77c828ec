"""What an evaluation would do and could see, before anything is paid for."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace
from rich.console import RenderableType
from rich.text import Text

from engine.config.spec import RunSpec
from engine.core.fold import fold_kept
from engine.programs.evaluate.arms import baseline_of, own
from engine.programs.evaluate.cell import CellPlan, key_parts
from engine.programs.evaluate.plan import EvaluationPlan
from engine.programs.evaluate.program import look_at_items, read_items
from engine.programs.evaluate.sets import sets_of
from engine.runtime.context import RunContext, chosen_tasks
from engine.runtime.plan import names_of
from engine.runtime.run import RunStart, plan_start
from events.digest import Digest, digest_of
from events.store.memory import MemoryLog
from events.streams import cell_stream
from projections.comparison.power import PowerPlan, RunNoise, smallest_visible
from projections.evaluations import Evaluation, Evaluations, EvaluationsState
from views.evaluations import scans
from views.evaluations.cost_range import Basis, CellSpending, observed, spending_range
from views.evaluations.noise import measured
from views.terminal.format import money, plural
from views.terminal.screen import Screen
from views.terminal.tables import TableView


class PlannedArmRow(msgspec.Struct, frozen=True, tag_field="kind", tag="planned_arm"):
    """One arm of an evaluation that was not started."""

    arm: str
    baseline: bool
    condition: str
    """Digest of the condition; of an arm that gives each task its own skill, that of tasks without one."""
    items: int
    units: int
    """Independent units among them: families, or the items themselves."""
    repeats: int
    cells: int
    """Items times repeats."""
    stored: int
    """Cells whose score the log has, as ``reuse`` lets it count."""
    missing: int
    """Cells that would be rolled out."""
    basis: Basis | None
    """What calls and cost rest on: ``stored runs`` of the same condition, the least and the most of which each missing
    cell may take; or the ``limits`` of the spec. None: nothing is missing."""
    calls_least: int
    calls_most: int | None
    """None: nothing bounds them. Calls that are made again after a failure are not among them."""
    cost_least_nano_usd: int | None
    """In units of 10^-9 US dollars. None: a price or a cost is unknown."""
    cost_most_nano_usd: int | None
    """None: a price or a cost is unknown, or nothing bounds it but the budget."""
    smallest_effect: float | None
    """The smallest gain that would end as *helps* with a probability of 80 %, over a baseline that solves half of the
    items, for noise of the agent and the verifier as it was measured on these items, or as on most benchmarks. None: of
    the baseline, or not even solving all would, as with fewer than ten units."""
    smallest_from_none: float | None
    """The same over a baseline that never solves any. None: as above."""


async def tell(setting: RunContext, screen: Screen, spec: RunSpec, *, skip_invalid: bool) -> None:
    """Plan an evaluation, and say what it would take and show; nothing is recorded.

    Raises:
        StillroomError: The spec cannot work.
    """
    planned = await plan(setting, spec, skip_invalid=skip_invalid)
    screen.show(planned.arms, PLANNED)
    scans.show(screen, planned.scans)


class DryRun(NamedTuple):
    """An evaluation that was not started."""

    arms: Sequence[PlannedArmRow]
    scans: Sequence[scans.ArmScanRow]


async def plan(setting: RunContext, spec: RunSpec, *, skip_invalid: bool) -> DryRun:
    """Plan an evaluation; nothing is recorded.

    Raises:
        StillroomError: The spec cannot work.
    """
    log = MemoryLog(clock=lambda: 0, redactor=setting.log.redactor)
    start = await plan_start(setting._replace(log=log, library=setting.log), spec, skip_invalid=skip_invalid)
    planned: EvaluationPlan = start.plan.own
    sets = [await look_at_items(setting.base, *each) for each in sets_of(own(spec)).items()]
    cells = (*planned.tasks, *(cell for refs in sets for cell in planned.of_questions(refs)))
    stored = await fold_kept(setting.log, Evaluations(), await setting.log.head())
    rows = [_row(spec, start, arm, _of(cells, arm), stored) for arm in planned.arms]
    seen = await observed(setting.log, stored, {Digest(row.condition) for row in rows})
    rows = [_ranged(row, planned, _of(cells, row.arm), seen.get(Digest(row.condition), ())) for row in rows]
    tasks = await chosen_tasks(setting, spec, names_of(start.plan.opened)) if start.plan.opened.tasks else ()
    questions = [data for each in sets_of(own(spec)).items() for data in await read_items(setting.base, *each)]
    against = scans.ScannedAgainst(tasks, questions)
    return DryRun(rows, await scans.planned(log, start.plan.eras[-1].arms, against, own(spec).scan))


def _ranged(
    row: PlannedArmRow, planned: EvaluationPlan, cells: Sequence[CellPlan], seen: Collection[CellSpending]
) -> PlannedArmRow:
    """Say what the missing cells of an arm may take."""
    if not row.missing:
        return row
    found = spending_range(planned.arms[row.arm][-1], row.missing, cells[0], seen)
    least, most = found.cost or (None, None)
    return replace(
        row,
        basis=found.basis,
        calls_least=found.calls[0],
        calls_most=found.calls[1],
        cost_least_nano_usd=least,
        cost_most_nano_usd=most,
    )


def _of(cells: Sequence[CellPlan], arm: str) -> list[CellPlan]:
    return [each for each in cells if each.arm == arm]


def _row(
    spec: RunSpec, start: RunStart, arm: str, cells: Sequence[CellPlan], stored: EvaluationsState
) -> PlannedArmRow:
    settings, condition = own(spec), start.plan.eras[-1].arms[arm].condition
    assert condition is not None, "a run that starts now pins the conditions of its arms"
    items, units = len({each.item for each in cells}), len({each.unit for each in cells})
    era = start.plan.eras[-1]
    held = [era.condition_at(cell_stream(each.name)) or condition for each in cells]
    keys = [digest_of(key_parts(each, its.digest)) for each, its in zip(cells, held, strict=True)]
    found = sum(key in stored.stored for key in keys) if settings.reuse == "all" else 0
    baseline = baseline_of(settings, arm) is None
    plan = PowerPlan(
        items=items,
        units=units,
        repeats=spec.repeats,
        arms=max(1, sum(baseline_of(settings, each) is not None for each in settings.arms)),
        alpha=Fraction(repr(settings.alpha)),
        noise=measured(_stored_of(stored, {each.item for each in cells}), settings.verifier_repeats),
    )
    return PlannedArmRow(
        arm=arm,
        baseline=baseline,
        condition=condition.digest,
        items=items,
        units=units,
        repeats=spec.repeats,
        cells=len(cells),
        stored=found,
        missing=len(cells) - found,
        basis=None,
        calls_least=0,
        calls_most=0,
        cost_least_nano_usd=0,
        cost_most_nano_usd=0,
        smallest_effect=None if baseline or not items else smallest_visible(plan),
        smallest_from_none=None if baseline or not items else smallest_visible(msgspec.structs.replace(plan, **_NEVER)),
    )


_NEVER: Final[Mapping[str, Any]] = {"mean": Fraction(0), "noise": RunNoise(agent=Fraction(0))}
"""Of a plan: its baseline never solves any item, so its runs are alike."""


def _effect(row: PlannedArmRow, smallest: float | None) -> str | None:
    return "baseline" if row.baseline else None if smallest is None else f"{100 * smallest:.0f} points"


def _stored_of(stored: EvaluationsState, items: Collection[str]) -> Iterator[Evaluation]:
    """Find the stored evaluations of some items, under whichever condition."""
    return (each for found in stored.stored.values() for each in found if each.item in items)


def _notes(rows: Sequence[PlannedArmRow]) -> Iterator[RenderableType]:
    missing = sum(row.missing for row in rows)
    yield Text()
    yield Text(f"{plural(missing, 'cell')} to roll out; nothing was started")
    if missing:
        calls = _range([(row.calls_least, row.calls_most) for row in rows], "{:,}".format)
        cost = _range([(row.cost_least_nano_usd, row.cost_most_nano_usd) for row in rows], money)
        yield Text(f"{calls} calls, cost {cost}, without calls that are made again")
    if all(row.smallest_effect is None and row.smallest_from_none is None for row in rows):
        yield Text("no effect can be shown: fewer than ten independent units, or too few runs", style="yellow")
        return
    half = " (-: not even solving all)" if any(not row.baseline and row.smallest_effect is None for row in rows) else ""
    text = f"smallest effect: gain shown with 80 % probability over a baseline that solves half of the items{half}; "
    yield Text(f"{text}from 0 %: over one that solves none", style="dim")


def _range(sides: Sequence[tuple[int | None, int | None]], said: Callable[[int], str]) -> str:
    """Write the sum of ranges: unknown where a least one is, open where a most one is."""
    least, most = [low for low, _ in sides], [high for _, high in sides]
    if None in least:
        return "unknown"
    low = sum(each for each in least if each is not None)
    if None in most:
        return f"{said(low)} or more"
    high = sum(each for each in most if each is not None)
    return said(low) if low == high else f"{said(low)} to {said(high)}"


PLANNED: Final = TableView(
    PlannedArmRow,
    "arm >items >units >repeats >cells >stored >missing",
    (">calls", lambda row: _range([(row.calls_least, row.calls_most)], "{:,}".format)),
    (">cost", lambda row: _range([(row.cost_least_nano_usd, row.cost_most_nano_usd)], money)),
    ("by", lambda row: row.basis),
    (">smallest effect", lambda row: _effect(row, row.smallest_effect)),
    (">from 0 %", lambda row: _effect(row, row.smallest_from_none)),
    notes=_notes,
)
