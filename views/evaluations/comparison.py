"""The arms of an evaluation side by side: scores with their coverage, differences with their intervals, costs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

import msgspec
from rich.console import RenderableType
from rich.text import Text

from engine.config.spec import RunSpec
from engine.core.fold import fold_run
from engine.programs.evaluate.arms import own
from engine.programs.evaluate.points import COMPARISON, CellSaw, CellScore, ComparisonSaw
from engine.programs.evaluate.rulings import compared
from events.store.base import EventLog
from events.streams import cell_name
from events.types.decision import Seen
from events.types.session import GivenSkill
from projections.cells import Cells, EvaluatedCell
from projections.comparison.compare import ArmScore, Comparison, PairedDifference
from projections.comparison.intervals import ScoreInterval
from projections.cost import Cost, RunCost
from projections.exposure import Exposure, Exposures
from projections.item_sets import ItemSets, decisions_on
from projections.triggers import read_of
from views.evaluations.item_sets import ItemSetRow, rows_of, said, sets_of
from views.evaluations.triggers import TriggerRate, exposures_by_cell, rate_of, triggers_of, written_rate
from views.runs.spending import total_of
from views.setup.settings import spec_of
from views.terminal.errors import UsageWrong
from views.terminal.format import UNKNOWN, money, short
from views.terminal.screen import Screen
from views.terminal.tables import TableView


class ArmRow(msgspec.Struct, frozen=True, tag_field="kind", tag="arm"):
    """One arm of an evaluation, beside the baseline."""

    run: str
    arm: str
    baseline: bool
    """Whether the arm is compared with none."""
    against: str | None
    """Arm that it is compared with. None: none."""
    planned: int
    """Cells: items times repeats."""
    scored: int
    """Cells that have a score; only these are in ``score``."""
    reused: int
    """Scores among them that were stored by another run."""
    score: float | None
    """Mean over items of the mean over repeats. None: nothing has a score."""
    score_low: float | None
    """Ends of its interval. None: there is none, as with fewer than ten independent units."""
    score_high: float | None
    difference: float | None
    """Mean over items of the paired difference to that arm. None: of a baseline, or nothing is paired."""
    low: float | None
    high: float | None
    method: str | None
    """Method of the interval of the difference. None: there is none."""
    p: float | None
    """Two-sided, adjusted for looks and arms. None: there is no interval."""
    verdict: str | None
    """None: of a baseline."""
    reason: str | None
    read: int
    """Cells in which a skill was read, of those rolled out by this run or another."""
    unread: int
    """Cells in which skills were given and none was read."""
    exposure_unknown: int
    """Cells of which nobody can know whether a skill was read."""
    trigger: TriggerRate | None
    """How often a skill was read that belongs to the item. None: no cell was given one, or its text was told."""
    false_trigger: TriggerRate | None
    """How often one was read that does not: it stands beside, or is said not to apply. None: no cell was given one."""
    won: int
    """Items that score higher than under its baseline."""
    lost: int
    kept: int
    cost_nano_usd: int | None
    """Known cost of its runs, reused ones included, in units of 10^-9 US dollars. None: some is unknown."""
    cost_per_solved_nano_usd: float | None
    """None: nothing was solved, or a cost is unknown."""
    tokens: int | None
    """Input and output. None: some are unknown."""
    decisions: int
    """Decisions that rested on any of these items so far, this comparison among them once it is made, in any run and
    under any name of the set. The more there were, the less a good score says."""
    sets: tuple[ItemSetRow, ...]
    """Those that the run opened; the same for each arm."""


class ComparedRun(NamedTuple):
    """The arms of a run side by side, as far as it has come, and what they were compared from."""

    run: str
    spec: RunSpec
    comparison: Comparison
    cells: Sequence[EvaluatedCell]
    exposure: Mapping[tuple[str, str], Mapping[str, Exposure]]
    """By run and stream of a cell, of those whose agent was given skills, and by skill."""
    given: Sequence[GivenSkill]
    """Skills of its arms, with where each came from."""
    sets: tuple[ItemSetRow, ...]
    decisions: int
    """That rested on items of these sets."""


class _Evaluated(NamedTuple):
    """What was read of a run."""

    cells: Sequence[EvaluatedCell]
    costs: Mapping[str, RunCost]
    exposure: Mapping[tuple[str, str], Mapping[str, Exposure]]
    given: Sequence[GivenSkill]


async def tell(log: EventLog, screen: Screen, run: str) -> None:
    """Compare the arms of a run, as far as it has come.

    Args:
        log: Which holds it.
        screen: Where to.
        run: Its id.

    Raises:
        UsageWrong: The run evaluates nothing.
    """
    screen.show(_rows(await read_comparison(log, run)), ARMS)


async def read_comparison(log: EventLog, run: str) -> ComparedRun:
    """Compare the arms of a run, as far as it has come.

    Raises:
        UsageWrong: The run evaluates nothing.
    """
    spec = await spec_of(log, run)
    cells, costs, exposure, given = await _cells(log, run, spec)
    settings = own(spec)
    begun = _by_arm(cells)
    saw = {arm: tuple(map(_saw, begun.get(arm, ()))) for arm in sorted(settings.arms)}
    rule = COMPARISON.rule(spec, ComparisonSaw((), spec.repeats))
    assert rule is not None
    known = {(each.arm, each.item, each.repeat): _cost(costs, each) for each in cells}
    found = compared(saw, rule, max(each.repeat for each in cells), known)
    return ComparedRun(run, spec, found, cells, exposure, given, *await _sets(log, run))


async def _sets(log: EventLog, run: str) -> tuple[tuple[ItemSetRow, ...], int]:
    """Give the sets that a run opened, and how many decisions rested on any of their items."""
    state, (opened,) = await sets_of(log), await fold_run(log, [ItemSets()], run)
    items = frozenset(item for digest in opened.sets if digest in state.sets for item in state.sets[digest].items)
    return rows_of(state, tuple(opened.sets)), len(decisions_on(state, items))


async def _cells(log: EventLog, run: str, spec: RunSpec) -> _Evaluated:
    """Read the cells of a run; and of the runs that rolled them out, what was spent and which skills were read."""
    if spec.program != "evaluate":
        remedy = "name a run of `stillroom evaluate`, or look at this one with `stillroom show`"
        raise UsageWrong(f"run {short(run)} compares no arms: its program is {spec.program}", remedy=remedy)
    state, spent, read = await fold_run(log, [Cells(), Cost(), Exposures()], run)
    cells = [each for streams in state.runs.values() for each in streams.values()]
    if not cells:
        raise UsageWrong(f"run {short(run)} has no cells so far", remedy="wait until it has begun")
    costs, exposed = dict(spent.runs), dict(read.runs)
    for other in {each.run for each in cells if each.run} - {run}:
        spent, read = await fold_run(log, [Cost(), Exposures()], other)
        costs |= spent.runs
        exposed |= read.runs
    exposure: dict[tuple[str, str], Mapping[str, Exposure]] = {}
    for of_run, attempts in exposed.items():
        exposure |= exposures_by_cell(of_run, attempts.values())
    return _Evaluated(cells, costs, exposure, state.given.get(run, ()))


def _by_arm(cells: Sequence[EvaluatedCell]) -> dict[str, list[EvaluatedCell]]:
    by_arm: dict[str, list[EvaluatedCell]] = {}
    for each in cells:
        by_arm.setdefault(each.arm, []).append(each)
    return by_arm


def _saw(cell: EvaluatedCell) -> CellSaw:
    if cell.at is None:
        return CellSaw(cell.item, cell.unit, cell.repeat)
    score = Seen(cell.at, CellScore(cell.solved, cell.reward, cell.unscored))
    return CellSaw(cell.item, cell.unit, cell.repeat, score=score)


def _cost(costs: Mapping[str, RunCost], cell: EvaluatedCell) -> tuple[int | None, int | None]:
    """Say what a cell cost, wherever it was rolled out, and how many tokens it took. None: nobody knows."""
    lines = costs.get(cell.run)
    trial = cell.rolled.partition("/")[2] or cell_name(cell.arm, cell.item, cell.repeat)
    spent = total_of(lines, trial)
    roles = {} if lines is None else lines.lines.get(trial, {})
    calls = [line for models in roles.values() for line in models.values()]
    unknown = any(line.unknown_usage for line in calls)
    tokens = sum(line.input_tokens + line.output_tokens for line in calls)
    return None if spent.unknown else spent.cost, None if unknown else tokens


def _rows(found: ComparedRun) -> list[ArmRow]:
    pairs = {pair.arm: pair for pair in found.comparison.pairs}
    return [_row(found, score, pairs.get(score.arm)) for score in found.comparison.scores]


def _row(found: ComparedRun, score: ArmScore, pair: PairedDifference | None) -> ArmRow:
    costs, cells = score.costs, [each for each in found.cells if each.arm == score.arm]
    exposed = Counter(read_of(found.exposure.get((each.run, each.rolled), {}).values()) for each in cells)
    triggers = triggers_of(score.arm, cells, found.exposure, found.given, own(found.spec))
    low, high = ends(score.interval)
    pair_low, pair_high = ends(None if pair is None else pair.interval)
    return ArmRow(
        run=found.run,
        arm=score.arm,
        baseline=pair is None,
        against=None if pair is None else pair.baseline,
        planned=score.planned,
        scored=score.scored,
        reused=sum(each.run not in {"", found.run} for each in cells),
        score=number(score.mean),
        score_low=low,
        score_high=high,
        difference=None if pair is None else number(pair.difference),
        low=pair_low,
        high=pair_high,
        method=None if pair is None or pair.interval is None else pair.interval.method,
        p=None if pair is None else pair.p_holm,
        verdict=None if pair is None else pair.verdict.kind,
        reason=None if pair is None else pair.verdict.reason,
        read=exposed["yes"],
        unread=exposed["no"],
        exposure_unknown=exposed["unknown"],
        trigger=rate_of(triggers.own),
        false_trigger=rate_of(triggers.other),
        won=0 if pair is None else pair.count("won"),
        lost=0 if pair is None else pair.count("lost"),
        kept=0 if pair is None else pair.count("kept"),
        cost_nano_usd=None if costs.unknown else costs.cost,
        cost_per_solved_nano_usd=number(costs.per_solved),
        tokens=None if costs.uncounted else costs.tokens,
        decisions=found.decisions,
        sets=found.sets,
    )


def number(value: Fraction | None) -> float | None:
    """Give a figure as JSON holds it. None: there is none."""
    return None if value is None else float(value)


def ends(interval: ScoreInterval | None) -> tuple[float | None, float | None]:
    """Give the ends of an interval. None: there is none."""
    return (None, None) if interval is None else (float(interval.low), float(interval.high))


def _notes(rows: Sequence[ArmRow]) -> Iterator[RenderableType]:
    """Say why each verdict is what it is, and by which method the intervals were made."""
    several = len({row.against for row in rows if row.against}) > 1
    yield Text()
    for row in rows:
        if row.verdict is not None:
            beside = f" beside {row.against}" if several else ""
            yield Text(f"{row.arm}{beside}: {row.verdict}: {row.reason}")
    for method in sorted({row.method for row in rows if row.method is not None}):
        yield Text(f"interval: {method}", style="dim")
    for each in rows[0].sets if rows else ():
        yield Text(said(each), style="yellow" if each.overlaps or len(each.purposes) > 1 else "dim")


def _interval(row: ArmRow) -> str | None:
    return None if row.low is None or row.high is None else f"{points(row.low)} to {points(row.high)}"


def _per_solved(row: ArmRow) -> int | None:
    return None if row.cost_per_solved_nano_usd is None else round(row.cost_per_solved_nano_usd)


def share(value: float | None) -> str:
    """Write a score as a percentage."""
    return UNKNOWN if value is None else f"{100 * value:.1f} %"


def points(value: float | None) -> str:
    """Write a difference of scores in points."""
    return UNKNOWN if value is None else f"{100 * value:+.1f}"


ARMS: Final = TableView(
    ArmRow,
    "arm",
    (">scored", lambda row: f"{row.scored} of {row.planned}" + (f" ({row.reused} reused)" if row.reused else "")),
    ("skill read", lambda row: written_rate(row.trigger)),
    ("others read", lambda row: written_rate(row.false_trigger)),
    (">score", lambda row: share(row.score)),
    ">decisions",
    (">difference", lambda row: "baseline" if row.baseline else points(row.difference)),
    ("interval", _interval),
    (">p", lambda row: None if row.p is None else f"{row.p:.2g}"),
    (">won", lambda row: None if row.baseline else row.won),
    (">lost", lambda row: None if row.baseline else row.lost),
    (">cost", lambda row: money(row.cost_nano_usd)),
    (">per solved", lambda row: money(_per_solved(row))),
    ("verdict", lambda row: row.verdict or ""),
    notes=_notes,
)
