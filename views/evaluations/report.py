"""A comparison told on one page: what was compared, what it shows and how far that can be trusted, down to events."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import sqrt
from typing import Final, NamedTuple, assert_never

from rich.console import RenderableType
from rich.text import Text

from engine.core.lineage import pages_of
from engine.programs.evaluate.arms import own
from events.base import Recorded
from events.digest import Digest
from events.store.base import EventLog, Head, Selection
from events.types.evaluation import ArmsCompared
from events.types.run import RunOpened
from projections.comparison.noise import NoiseSplit, VerifiedRun, split_noise
from views.evaluations.comparison import (
    ARMS,
    TWO_RUNS,
    ArmRow,
    ComparedRun,
    arm_rows,
    beside_of,
    label,
    methods_of,
    noise_said,
    paid,
    per,
    points,
    share,
)
from views.evaluations.forest import ForestPlot, forest
from views.evaluations.item_sets import said
from views.evaluations.items import ITEMS, ITEMS_OF_TWO, ComparedItemRow, item_rows
from views.evaluations.scans import ArmScanRow, recorded
from views.evaluations.sides import ComparedSide, shared_said
from views.evaluations.triggers import written_rate
from views.setup.settings import WrittenFile
from views.terminal.errors import UsageWrong
from views.terminal.format import money, plural, short, when
from views.terminal.pages import page_template
from views.terminal.table_formats import TableFormat, latex_text, markdown_text, write_table

_NO_SCORE: Final[Mapping[str, str]] = {
    "infrastructure": "without a score, since something of ours broke",
    "stopped": "without a score, since a budget, a person or a score that is always the same ended them",
    "running": "not ended",
}


class ReportEvidence(NamedTuple):
    """An event that a figure rests on."""

    anchor: str
    place: str
    """As `show` takes it."""
    digest: Digest
    what: str


class ReportRun(NamedTuple):
    """A run that is reported on."""

    run: str
    opened: str | None
    """When, and by which version. None: it was imported."""
    spec: Digest | None
    scripted: bool
    compared: ReportEvidence | None
    """The recorded comparison. None: there is none."""


class ReportStamp(NamedTuple):
    """When and by what a report was written."""

    at: int
    """Microseconds since 1970, UTC."""
    version: str
    head: Head
    """Of the log, as it was then."""


class EvaluationReport(NamedTuple):
    """What the page holds."""

    title: str
    opening: str
    arms: Sequence[ArmRow]
    plot: ForestPlot | None
    items: Sequence[ComparedItemRow]
    sets: Sequence[str]
    """What is to be said of the sets that items are of."""
    scans: Sequence[ArmScanRow]
    """What was found in the skills of arms, as it is on record. Empty: nothing was scanned."""
    noise: Sequence[str]
    unknown: Sequence[str]
    runs: Sequence[ReportRun]
    evidence: Mapping[str, ReportEvidence]
    """By place."""
    stamp: ReportStamp

    def name(self, row: ArmRow) -> str:
        """Name an arm."""
        return label(row, several=len(self.runs) > 1)

    def beside(self, row: ArmRow) -> str:
        """Name what an arm is compared with."""
        return beside_of(row, several=len(self.runs) > 1)

    @property
    def given(self) -> list[ArmRow]:
        """Arms whose agents had skills mounted."""
        return [row for row in self.arms if row.read + row.unread + row.exposure_unknown]

    def compared_in(self, row: ArmRow) -> str | None:
        """Say where the comparison of an arm is recorded. None: it is not, as with two runs."""
        if row.against_run not in {None, row.run} or len(self.runs) > 1:
            return None
        return next((each.compared.place for each in self.runs if each.compared is not None), None)

    def items_of(self, row: ArmRow) -> list[ComparedItemRow]:
        """List the items of an arm: first those that changed for the worse, then for the better, then the others."""
        order = {"lost": 0, "won": 1}
        own = [each for each in self.items if (each.run, each.arm) == (row.run, row.arm)]
        return sorted(own, key=lambda each: order.get(each.change, 2))


async def read_report(log: EventLog, found: ComparedRun, stamp: ReportStamp) -> EvaluationReport:
    """Gather what is told of a comparison.

    Args:
        log: Which holds it.
        found: It.
        stamp: When and by what it is told.
    """
    rows = arm_rows(found)
    names = dict.fromkeys(row.run for row in rows)
    runs = [await _run(log, run) for run in names]
    several = len(runs) > 1
    title = f"{short(runs[0].run)} and {short(runs[-1].run)} compared" if several else f"Evaluation {short(found.run)}"
    effect = None if found.spec is None else own(found.spec).effect
    return EvaluationReport(
        title=title,
        opening=_opening(found, rows, several=several),
        arms=rows,
        plot=forest(rows, effect),
        items=item_rows(found),
        sets=[said(each) for each in found.rested.sets],
        scans=[] if several else await recorded(log, found.run),
        noise=list(_noise(found, rows)),
        unknown=list(_unknown(found, rows, runs)),
        runs=runs,
        evidence=_evidence(found, runs),
        stamp=stamp,
    )


def report_page(told: EvaluationReport) -> str:
    """Write the page: one file that needs nothing else."""
    template = page_template("views.evaluations", "report.html.j2")
    names = {
        "methods": methods_of(told.arms),
        "rate": written_rate,
        "money": money,
        "per": per,
        "points": points,
        "share": share,
        "paid": paid,
        "when": when,
    }
    return template.render(told=told, short=short, plural=plural, **names)


def suffix_of(form: TableFormat | None) -> str:
    """Give the suffix of a report's file.

    Raises:
        UsageWrong: The format has no place for several tables.
    """
    match form:
        case None:
            return "html"
        case TableFormat.MARKDOWN:
            return "md"
        case TableFormat.LATEX:
            return "tex"
        case TableFormat.CSV:
            remedy = "use `stillroom compare --format csv`, and `--items` for items"
            raise UsageWrong("CSV holds one table, and a report has several", remedy=remedy)
        case _:
            assert_never(form)


def report_tables(told: EvaluationReport, form: TableFormat) -> str:
    """Write what was compared, and the tables of arms and items, for a paper."""
    several = len(told.runs) > 1
    words = latex_text(told.opening) if form is TableFormat.LATEX else markdown_text(told.opening)
    arms = write_table(told.arms, TWO_RUNS if several else ARMS, form)
    items = write_table(told.items, ITEMS_OF_TWO if several else ITEMS, form)
    return f"{words}\n\n{arms}\n{items}"


def render_written(row: WrittenFile) -> RenderableType:
    """Say where a report is."""
    return Text(f"wrote {row.path}")


async def _run(log: EventLog, run: str) -> ReportRun:
    opened: RunOpened | None = None
    at, compared = 0, None
    async for page in pages_of(log, Selection(run=run, tags={"run.opened", "evaluation.compared"})):
        for each in page:
            if isinstance(each.event, RunOpened):
                opened, at = each.event, each.at
            if isinstance(each.event, ArmsCompared):
                compared = _compared(run, each)
    if opened is None:
        return ReportRun(run, None, None, scripted=False, compared=None)
    words = f"{when(at)} UTC, by stillroom {opened.package}"
    return ReportRun(run, words, opened.spec, opened.scripted, compared)


def _compared(run: str, recorded: Recorded) -> ReportEvidence:
    place = f"{run}:{recorded.stream.name}@{recorded.version}"
    return ReportEvidence(f"c-{run}", place, recorded.digest, f"comparison, recorded {when(recorded.at)} UTC")


def _evidence(found: ComparedRun, runs: Sequence[ReportRun]) -> dict[str, ReportEvidence]:
    told = {each.compared.place: each.compared for each in runs if each.compared is not None}
    for side in found.sides.values():
        for cell in side.cells:
            if cell.ending is not None:
                words = f"{side.arm}, {cell.item}, repeat {cell.repeat}: {cell.outcome or 'running'}"
                other = f"; rolled out by run {cell.run}" if cell.run not in {"", side.run} else ""
                place = side.place(cell)
                told[place] = ReportEvidence(f"e{len(told)}", place, cell.ending.digest, words + other)
    return told


def _opening(found: ComparedRun, rows: Sequence[ArmRow], *, several: bool) -> str:
    """Say what was compared."""
    bases: dict[str, list[str]] = {}
    for row in rows:
        if row.against is not None:
            bases.setdefault(beside_of(row, several=several), []).append(label(row, several=several))
    compared = "; ".join(f"{', '.join(arms)} with {base}" for base, arms in bases.items())
    items = len({item for side in found.sides.values() for item in side.items})
    units = max((row.units for row in rows), default=0)
    repeats = max(side.repeats for side in found.sides.values())
    cells = sum(row.scored for row in rows), plural(sum(row.planned for row in rows), "planned cell")
    return (
        f"Compared: {compared or 'nothing'}. {plural(items, 'item')}, {plural(units, 'independent unit')} among those "
        f"that are paired, {plural(repeats, 'repeat')}; {cells[0]:,} of {cells[1]} have a score."
    )


def _noise(found: ComparedRun, rows: Sequence[ArmRow]) -> Iterator[str]:
    """Say how much of a difference may be noise."""
    arms = {} if found.spec is None else own(found.spec).arms
    for row in rows:
        again = arms[row.arm].again if row.arm in arms else ""
        if again and again == row.against and row.difference is not None:
            gained = f"{points(row.difference)} points" + (
                "" if row.low is None else f" ({points(row.low)} to {points(row.high)})"
            )
            yield f"{row.arm} repeats {again} with fresh runs: what they differ by is noise, {gained}."
    several = len({row.run for row in rows}) > 1
    parts = [f"{label(row, several=several)}: {each}." for row in rows for each in noise_said(row)]
    yield from parts
    split = _split(list(found.sides.values()))
    if split.agent is None:
        yield "No item was run twice under one arm: how much its score varies from run to run is not known."
        return
    deviation = f"{100 * sqrt(split.agent):.1f} points ({plural(split.runs, 'run')})"
    yield f"Runs of one item under one arm vary with a standard deviation of {deviation}."
    if not parts:
        yield "The verifier's part in that is not told apart: each final state was verified once."


def _split(sides: Sequence[ComparedSide]) -> NoiseSplit:
    scored = {"solved": Fraction(1), "unsolved": Fraction(0)}
    return split_noise(
        VerifiedRun(f"{side.run}:{side.arm}", each.item, (scored[each.outcome],))
        for side in sides
        for each in side.cells
        if each.outcome in scored
    )


def _unknown(found: ComparedRun, rows: Sequence[ArmRow], runs: Sequence[ReportRun]) -> Iterator[str]:
    """Say what nobody knows, or what has to be taken on trust."""
    for each in runs:
        if each.scripted:
            yield f"Run {short(each.run)} asked a script in place of a model: its answers are canned."
        if each.opened is None:
            yield f"Run {short(each.run)} was imported: nothing in it was verified by stillroom."
    for row, score in zip(rows, found.comparison.scores, strict=True):
        name, side = label(row, several=len(runs) > 1), found.sides[score.arm]
        yield from (f"{name}: {words}." for words in (*_endings(side), *_doubts(row), *_left_out(row)))
    if any(row.against is not None and row.low is None for row in rows):
        yield "Fewer than ten independent units carry no interval: from so few nobody can say how much units differ."
    yield "Runs that broke are taken to be no different from the others; coverage only bounds how much that matters."
    yield "Units are independent because the plan says so: a source that items share unsaid makes intervals too narrow."


def _endings(side: ComparedSide) -> Iterator[str]:
    ended = Counter[str](each.outcome or "running" for each in side.cells)
    for outcome, words in _NO_SCORE.items():
        if ended[outcome]:
            yield f"{plural(ended[outcome], 'cell')} {words}"


def _doubts(row: ArmRow) -> Iterator[str]:
    if row.exposure_unknown:
        yield f"of {plural(row.exposure_unknown, 'cell')} nobody can know whether a skill was read"
    if row.cost_nano_usd is None:
        yield "what its runs cost"
    if row.payback is not None and row.making_nano_usd is None:
        yield "what making its skills cost: no trial of this log made them, or a call has no cost"
    yield from row.lacking
    if row.against is not None and row.differs is None and not row.lacking:
        yield f"in what its condition differs from that of {row.against}: it is not on record"


def _left_out(row: ArmRow) -> Iterator[str]:
    if row.reason is not None and row.verdict is None:
        yield f"not compared, {row.reason}"
    elif row.shared:
        yield shared_said(row.shared_cells, row.planned, len(row.shared))
    for items, words in ((row.only_here, "only this run has them"), (row.changed, "their contents differ")):
        if items:
            yield f"{plural(len(items), 'item')} not compared, {words}: {', '.join(items)}"
