"""The arms of an evaluation side by side: scores with their coverage, differences with their intervals, costs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec.structs import replace
from rich.console import RenderableType
from rich.text import Text

from engine.config.spec import RunSpec
from engine.core.fold import fold_kept, fold_run
from engine.evaluating.looks import arm_plan
from engine.programs.evaluate.arms import condition_of, own
from engine.programs.evaluate.points import COMPARISON, ArmSaw, CellSaw, CellScore, ComparisonRule, ComparisonSaw
from engine.programs.evaluate.rulings import compared, looked_before, looks_at, turned_rows
from events.base import Ref
from events.digest import digest_of
from events.store.base import EventLog, Selection
from events.types.decision import Held, Seen
from events.types.evaluation import LooksFound
from events.types.session import FoundImageSkills
from projections.cells import Cells, EvaluatedCell
from projections.comparison.compare import ArmScore, Comparison, PairedDifference
from projections.comparison.costs import payback
from projections.comparison.intervals import ScoreInterval
from projections.comparison.noise import NoiseSplit
from projections.exposure import read_of
from projections.looks import Looks
from views.evaluations import scans
from views.evaluations.item_sets import ItemSetRow, SetsRested, said, sets_rested
from views.evaluations.making import MakingCost, making_costs
from views.evaluations.noise import noise_of
from views.evaluations.set_parts import parted
from views.evaluations.sides import ComparedSide, shared_said, sides_of
from views.evaluations.triggers import TriggerRate, rate_of, triggers_of, written_images, written_rate
from views.setup.settings import spec_of
from views.terminal.errors import UsageWrong
from views.terminal.format import UNKNOWN, money, short
from views.terminal.screen import Screen
from views.terminal.tables import Field, TableView


class ArmRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="arm"):
    """One arm of an evaluation, or the trials of a run, beside what it is compared with."""

    run: str
    arm: str
    """Name of the arm, or label of the trials' condition."""
    baseline: bool
    """Whether it is compared with none."""
    against: str | None = None
    """Arm that it is compared with. None: none."""
    against_run: str | None = None
    """The run of that arm. None: it is compared with none."""
    differs: tuple[str, ...] | None = None
    """Parts of its condition that are not those of that arm, such as ``skills``. None: nothing says, or it is compared
    with none."""
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
    paired: int = 0
    """Items with a score on both sides; only these are in ``difference``."""
    units: int = 0
    """Independent units among them: families, or the items themselves."""
    difference: float | None = None
    """Mean over items of the paired difference to that arm. None: of a baseline, or nothing is paired."""
    low: float | None = None
    high: float | None = None
    method: str | None = None
    """Method of the interval of the difference. None: there is none."""
    p: float | None = None
    """Two-sided, adjusted for looks and arms. None: there is no interval."""
    look: int | None = None
    """Which look at this arm and its baseline over these items this is, from 1, those of other runs counted: the
    interval holds at all of them together. None: of a baseline."""
    verdict: str | None = None
    """None: of a baseline, or nothing is left to compare."""
    reason: str | None
    """Why the verdict is what it is; or why an arm of two runs has none: the other run has no such arm, or the same
    evaluations. None: of a baseline."""
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
    image_skills: tuple[FoundImageSkills, ...] = ()
    """Skills that images of tasks bring themselves, and whether they are taken out: the same for all arms of a run."""
    won: int = 0
    """Items that score higher than under its baseline."""
    lost: int = 0
    kept: int = 0
    attempts: int | None
    """Of all its trials. None: none of its items is a task."""
    cost_nano_usd: int | None
    """Known cost of its runs, reused ones included, in units of 10^-9 US dollars. None: some is unknown."""
    cost_per_run_nano_usd: float | None
    """None: there was no run, or a cost is unknown."""
    cost_per_solved_nano_usd: float | None
    """None: nothing was solved, or a cost is unknown."""
    tokens: int | None
    """Input and output. None: some are unknown."""
    decisions: int | None
    """Decisions that rested on any of these items so far, this comparison among them once it is made, in any run and
    under any name of the set. The more there were, the less a good score says. None: no set was opened, as by runs of
    other programs and of earlier versions."""
    sets: tuple[ItemSetRow, ...]
    """Those that were opened; the same for each arm."""
    making_nano_usd: int | None
    """What the trials cost that its skills were distilled in, in units of 10^-9 US dollars. None: it has no skills, or
    nobody knows."""
    made_by: tuple[str, ...]
    """Those trials, as ``RUN:TRIAL``."""
    payback: Literal["after", "never", "only with it", "unknown"] | None = None
    """When making its skills has paid, by the observed means: ``after`` so many runs; ``never``: a solved run costs no
    less with them; ``only with it``: nothing is solved without them. None: of a baseline, or it has no skills."""
    payback_runs: int | None = None
    """Runs with the skill from which on its making has paid. None: as ``payback`` says."""
    only_here: tuple[str, ...]
    """Items that only this one of two runs has; they are not compared."""
    changed: tuple[str, ...]
    """Items of two runs that have the same name and other contents; they are not compared."""
    shared: tuple[str, ...] = ()
    """Items with runs that are one and the same evaluation in both of two runs: in ``score``, not in ``difference``."""
    shared_cells: int = 0
    """Those runs, of this side."""
    lacking: tuple[str, ...]
    """What is not known of it because bytes were erased on purpose, for people."""
    agent_noise: float | None = None
    """Variance of a score between runs of one item, the verifier's part taken off. None: no item ran twice."""
    verifier_noise: float | None = None
    """Variance between verifications of one final state. None: none was verified twice; it is then a part of
    ``agent_noise``."""
    flaky: tuple[str, ...] = ()
    """Items of which one final state got different verdicts."""


class Uncompared(NamedTuple):
    """What of one side is left out of a comparison of two runs."""

    only_here: tuple[str, ...] = ()
    """Items that the other side does not have."""
    changed: tuple[str, ...] = ()
    """Items that have other contents there."""
    alone: bool = False
    """Whether the other run has no such arm."""


class ComparedRun(NamedTuple):
    """Arms side by side, as far as they have come, and what they were compared from."""

    run: str
    spec: RunSpec | None
    """None: of two runs that are no evaluations."""
    comparison: Comparison
    sides: Mapping[str, ComparedSide]
    """By name in the comparison."""
    making: Mapping[str, MakingCost]
    """By name in the comparison, of those that were given skills."""
    uncompared: Mapping[str, Uncompared]
    """By name in the comparison, of those that have items left out."""
    rested: SetsRested
    noise: Mapping[str, NoiseSplit] = MappingProxyType({})
    """By arm. Empty: two runs are compared."""
    by_set: Mapping[str, Comparison] = MappingProxyType({})
    """On each set by itself, where an evaluation has several. Nothing is decided by these: their error adds up."""


async def tell(log: EventLog, screen: Screen, run: str) -> None:
    """Compare the arms of a run, as far as it has come.

    Args:
        log: Which holds it.
        screen: Where to.
        run: Its id.

    Raises:
        UsageWrong: The run evaluates nothing.
    """
    screen.show(arm_rows(await read_comparison(log, run)), ARMS)
    scans.show(screen, await scans.recorded(log, run))


async def read_comparison(log: EventLog, run: str) -> ComparedRun:
    """Compare the arms of a run, as far as it has come.

    Raises:
        UsageWrong: The run evaluates nothing.
    """
    spec = await spec_of(log, run)
    cells = await _cells(log, run, spec)
    sides = {each.arm: each for each in await sides_of(log, run)}
    begun = _by_arm(cells)
    saw = {arm: tuple(map(_saw, begun.get(arm, ()))) for arm in sorted(own(spec).arms)}
    rule = COMPARISON.rule(spec, ComparisonSaw((), spec.repeats))
    assert rule is not None
    known = {
        (each.arm, cell.item, cell.repeat): (cell.cost, cell.tokens) for each in sides.values() for cell in each.cells
    }
    looked = await _looked(log, run, saw, cells, rule)
    found = compared(saw, rule, max(each.repeat for each in cells), known, looked)
    by_set = {
        name: compared(part, rule, max(each.repeat for each in cells), known, looked)
        for name, part in parted(spec, saw).items()
    }
    noise = {arm: noise_of(each) for arm, each in begun.items()}
    for score in found.scores:
        sides.setdefault(score.arm, ComparedSide(run, score.arm, frozenset(), (), None, ()))
    made = {name: side for name, side in sides.items() if not condition_of(own(spec), name).placebo}
    making, rested = await making_costs(log, made), await sets_rested(log, [run])
    return ComparedRun(run, spec, found, sides, making, {}, rested, noise, by_set)


async def _looked(
    log: EventLog, run: str, saw: Mapping[str, Sequence[CellSaw]], cells: Sequence[EvaluatedCell], rule: ComparisonRule
) -> Mapping[str, tuple[int, ...]]:
    """Give the earlier looks at each arm: as its run found them, or as the log has them if it has not asked yet."""
    asked = [each.event async for each in log.read(Selection(run=run, tags={"looks.found"}))]
    earlier = [look for event in asked if isinstance(event, LooksFound) for look in event.looks]
    if not asked:
        found = await fold_kept(log, Looks(), await log.head())
        earlier = [look for looks in found.pairs.values() for look in looks if look.run != run]
    nothing = Held(digest_of(b""), Ref("run", 1))
    arms = tuple(
        ArmSaw(arm, nothing, arm_plan(each.key for each in own if each.repeat == 1))
        for arm, own in sorted(_by_arm(cells).items())
    )
    planned = max(each.repeat for each in cells)
    return looked_before(looks_at(ComparisonSaw(arms, planned), saw, rule), earlier, turned_rows(saw, rule, planned))


async def _cells(log: EventLog, run: str, spec: RunSpec) -> list[EvaluatedCell]:
    """Read the cells of a run."""
    if spec.program != "evaluate":
        remedy = "name a second run to compare it with, or look at this one with `stillroom show`"
        raise UsageWrong(f"run {short(run)} compares no arms: its program is {spec.program}", remedy=remedy)
    (state,) = await fold_run(log, [Cells()], run)
    cells = [each for streams in state.runs.values() for each in streams.values()]
    if not cells:
        raise UsageWrong(f"run {short(run)} has no cells so far", remedy="wait until it has begun")
    return cells


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


def arm_rows(found: ComparedRun) -> list[ArmRow]:
    """Put each arm on a row, baselines first."""
    pairs = {pair.arm: pair for pair in found.comparison.pairs}
    return [_row(found, score, pairs.get(score.arm)) for score in found.comparison.scores]


def _row(found: ComparedRun, score: ArmScore, pair: PairedDifference | None) -> ArmRow:
    side, costs = found.sides[score.arm], score.costs
    exposed = Counter(read_of(each.exposure.values()) for each in side.cells)
    triggers = triggers_of(side, None if found.spec is None else own(found.spec))
    attempts = [each.attempts for each in side.cells if each.attempts is not None]
    left_out, making = found.uncompared.get(score.arm, Uncompared()), found.making.get(score.arm)
    low, high = ends(score.interval)
    noise = found.noise.get(score.arm)
    row = ArmRow(
        run=side.run,
        arm=side.arm,
        baseline=pair is None,
        planned=score.planned,
        scored=score.scored,
        reused=sum(each.run not in {"", side.run} for each in side.cells),
        score=number(score.mean),
        score_low=low,
        score_high=high,
        reason="the other run has no such arm" if left_out.alone else None,
        read=exposed["yes"],
        unread=exposed["no"],
        exposure_unknown=exposed["unknown"],
        trigger=rate_of(triggers.own),
        false_trigger=rate_of(triggers.other),
        image_skills=side.images,
        attempts=sum(attempts) if attempts else None,
        cost_nano_usd=None if costs.unknown else costs.cost,
        cost_per_run_nano_usd=number(costs.per_run),
        cost_per_solved_nano_usd=number(costs.per_solved),
        tokens=None if costs.uncounted else costs.tokens,
        decisions=found.rested.decisions,
        sets=found.rested.sets,
        making_nano_usd=None if making is None else making.cost,
        made_by=() if making is None else making.trials,
        only_here=left_out.only_here,
        changed=left_out.changed,
        lacking=tuple(_lacking(side, found.rested)),
        agent_noise=None if noise is None else number(noise.agent),
        verifier_noise=None if noise is None else number(noise.flake),
        flaky=() if noise is None else noise.flaky,
    )
    return row if pair is None else _beside(found, row if pair.same else _paying(found, row, pair), pair)


def _lacking(side: ComparedSide, rested: SetsRested) -> Iterator[str]:
    """Say what is not known of an arm because bytes were erased."""
    for each in sorted(side.erased):
        yield f"its condition {each[:12]} was erased: what it differs in and which skills were read is not known"
    for each in sorted(rested.erased):
        yield f"a list of items, {each[:12]}, was erased: decisions that rested on its items are missing"


def _beside(found: ComparedRun, row: ArmRow, pair: PairedDifference) -> ArmRow:
    """Add what an arm shows beside its baseline."""
    baseline, side = found.sides[pair.baseline], found.sides[pair.arm]
    low, high = ends(pair.interval)
    shared = side.same_as(baseline) if baseline.run != side.run else frozenset()
    return replace(
        row,
        shared=tuple(sorted({each.item for each in shared})),
        shared_cells=len(shared),
        against=baseline.arm,
        against_run=baseline.run,
        differs=side.differs_from(baseline),
        paired=len(pair.flips),
        units=pair.units,
        difference=number(pair.difference),
        low=low,
        high=high,
        method=None if pair.interval is None else pair.interval.method,
        p=pair.p_holm,
        look=pair.look,
        verdict=None if pair.same else pair.verdict.kind,
        reason=pair.verdict.reason,
        won=pair.count("won"),
        lost=pair.count("lost"),
        kept=pair.count("kept"),
    )


def _paying(found: ComparedRun, row: ArmRow, pair: PairedDifference) -> ArmRow:
    """Add when making an arm's skills has paid. An arm without skills has nothing to pay."""
    if pair.arm not in found.making:
        return row
    costs = {each.arm: each.costs for each in found.comparison.scores}
    paid_back = payback(row.making_nano_usd, costs[pair.baseline], costs[pair.arm])
    return replace(row, payback=paid_back.kind, payback_runs=paid_back.runs)


def number(value: Fraction | None) -> float | None:
    """Give a figure as JSON holds it. None: there is none."""
    return None if value is None else float(value)


def ends(interval: ScoreInterval | None) -> tuple[float | None, float | None]:
    """Give the ends of an interval. None: there is none."""
    return (None, None) if interval is None else (float(interval.low), float(interval.high))


def _notes(rows: Sequence[ArmRow]) -> Iterator[RenderableType]:
    """Say why each verdict is what it is, what else is to be known, and by which method the intervals were made."""
    yield Text()
    several = len({row.run for row in rows}) > 1
    bases = len({(row.against_run, row.against) for row in rows if row.against is not None})
    for row in rows:
        beside = f" beside {beside_of(row, several=several)}" if bases > 1 else ""
        yield from map(Text, _said(row, label(row, several=several), beside))
    for method in methods_of(rows):
        yield Text(f"interval: {method}", style="dim")
    for line in dict.fromkeys(line for row in rows for line in written_images(row.image_skills)):
        yield Text(line, style="yellow")
    for each in rows[0].sets if rows else ():
        yield Text(said(each), style="yellow" if each.overlaps or len(each.purposes) > 1 else "dim")


def _said(row: ArmRow, name: str, beside: str) -> Iterator[str]:
    """Say in words what a row shows."""
    if row.verdict is not None:
        looks = f" (look {row.look})" if row.look is not None and row.look > 1 else ""
        yield f"{name}{beside}: {row.verdict}: {row.reason}{looks}"
        if row.differs is not None:
            yield (
                f"{name}: its condition differs in {', '.join(row.differs)}"
                if row.differs
                else f"{name}: same condition"
            )
    elif row.reason is not None:
        yield f"{name} is not compared: {row.reason}"
    if row.shared and row.verdict is not None:
        yield f"{name}: {shared_said(row.shared_cells, row.planned, len(row.shared))}"
    if row.payback is not None:
        yield f"{name}: {paid(row)}"
    yield from (f"{name}: {each}" for each in row.lacking)
    yield from (f"{name}: {each}" for each in noise_said(row))
    for items, what in ((row.only_here, "only in this run"), (row.changed, "other contents in the two runs")):
        if items:
            yield f"{name}: not compared, {what}: {', '.join(items)}"


def noise_said(row: ArmRow) -> Iterator[str]:
    """Tell the verifier's noise from the agent's, where final states were verified more than once."""
    if row.verifier_noise is not None:
        agent = "unknown (no item ran twice)" if row.agent_noise is None else f"{row.agent_noise:.3g}"
        flaky = f"; verdicts of one final state differ: {', '.join(row.flaky)}" if row.flaky else ""
        yield f"variance of a run: verifier {row.verifier_noise:.3g}, agent {agent}{flaky}"


def label(row: ArmRow, *, several: bool) -> str:
    """Name an arm; with its run, if arms of several are shown."""
    return f"{short(row.run)}:{row.arm}" if several else row.arm


def beside_of(row: ArmRow, *, several: bool) -> str:
    """Name what an arm is compared with; with its run, if arms of several are shown."""
    return f"{short(row.against_run or row.run)}:{row.against}" if several else str(row.against)


def methods_of(rows: Sequence[ArmRow]) -> list[str]:
    """Name the methods of intervals."""
    return sorted({row.method for row in rows if row.method is not None})


def paid(row: ArmRow) -> str:
    """Say what making an arm's skills cost, and when it has paid."""
    made = f"making its skills cost {money(row.making_nano_usd)}"
    match row.payback:
        case "after":
            return f"{made}, paid after {row.payback_runs} runs with them, by the observed means"
        case "never":
            return f"{made}, never paid: a solved run costs no less with them"
        case "only with it":
            return f"{made}; nothing is solved without them"
        case _ if row.making_nano_usd is None:
            return "nobody knows what making its skills cost"
        case _:
            return f"{made}; when it pays is unknown: a cost is, or nothing is solved with them"


def _interval(row: ArmRow) -> str | None:
    return None if row.low is None or row.high is None else f"{points(row.low)} to {points(row.high)}"


def per(value: float | None) -> str:
    """Write an average cost."""
    return money(None if value is None else round(value))


def share(value: float | None) -> str:
    """Write a score as a percentage."""
    return UNKNOWN if value is None else f"{100 * value:.1f} %"


def points(value: float | None) -> str:
    """Write a difference of scores in points."""
    return UNKNOWN if value is None else f"{100 * value:+.1f}"


_FIGURES: Final[Sequence[Field[ArmRow]]] = (
    (">scored", lambda row: f"{row.scored} of {row.planned}" + (f" ({row.reused} reused)" if row.reused else "")),
    ("skill read", lambda row: written_rate(row.trigger)),
    ("others read", lambda row: written_rate(row.false_trigger)),
    (">score", lambda row: share(row.score)),
    ">decisions",
    (">difference", lambda row: "baseline" if row.baseline and row.reason is None else points(row.difference)),
    ("interval", _interval),
    (">p", lambda row: None if row.p is None else f"{row.p:.2g}"),
    (">won", lambda row: None if row.baseline else row.won),
    (">lost", lambda row: None if row.baseline else row.lost),
    (">cost", lambda row: money(row.cost_nano_usd)),
    (">per solved", lambda row: per(row.cost_per_solved_nano_usd)),
    ("verdict", lambda row: row.verdict or ""),
)
ARMS: Final = TableView(ArmRow, "arm", *_FIGURES, notes=_notes)
TWO_RUNS: Final = TableView(
    ArmRow,
    ("run", lambda row: short(row.run)),
    "arm >attempts",
    *_FIGURES,
    (">tokens", lambda row: row.tokens),
    notes=_notes,
)
