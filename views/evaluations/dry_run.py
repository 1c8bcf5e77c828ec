"""What an evaluation would do and could see, before anything is paid for."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

import msgspec
from rich.console import RenderableType
from rich.text import Text

from engine.config.spec import RunSpec
from engine.core.fold import fold_kept
from engine.programs.evaluate.arms import baseline_of, own
from engine.programs.evaluate.cell import CellPlan, key_parts
from engine.programs.evaluate.plan import EvaluationPlan
from engine.programs.evaluate.program import look_at_items
from engine.runtime.context import RunContext, chosen_tasks
from engine.runtime.plan import names_of
from engine.runtime.run import RunStart, plan_start
from events.digest import digest_of
from events.store.memory import MemoryLog
from events.streams import cell_stream
from projections.comparison.power import PowerPlan, RunNoise, smallest_visible
from projections.evaluations import Evaluation, Evaluations, EvaluationsState
from views.evaluations import scans
from views.evaluations.noise import measured
from views.terminal.format import plural
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
    cells = (*planned.tasks, *planned.of_questions(await look_at_items(setting.base, own(spec).items)))
    stored = await fold_kept(setting.log, Evaluations(), await setting.log.head())
    rows = [_row(spec, start, arm, _of(cells, arm), stored) for arm in planned.arms]
    tasks = await chosen_tasks(setting, spec, names_of(start.plan.opened)) if start.plan.opened.tasks else ()
    return DryRun(rows, await scans.planned(log, start.plan.eras[-1].arms, tasks, own(spec).scan))


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
    if all(row.smallest_effect is None and row.smallest_from_none is None for row in rows):
        yield Text("no effect can be shown: fewer than ten independent units, or too few runs", style="yellow")
        return
    half = " (-: not even solving all)" if any(not row.baseline and row.smallest_effect is None for row in rows) else ""
    text = f"smallest effect: gain shown with 80 % probability over a baseline that solves half of the items{half}; "
    yield Text(f"{text}from 0 %: over one that solves none", style="dim")


PLANNED: Final = TableView(
    PlannedArmRow,
    "arm >items >units >repeats >cells >stored >missing",
    (">smallest effect", lambda row: _effect(row, row.smallest_effect)),
    (">from 0 %", lambda row: _effect(row, row.smallest_from_none)),
    notes=_notes,
)
