"""A training run told on one page: scores believed and measured, every edit with its gates, items, types and costs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.core.lineage import pages_of
from events.store.base import EventLog, Head, Selection
from events.types.run import RunImported, RunOpened
from projections.training.state import CandidateRecord
from views.runs.placebo_rows import PLACEBOS, PlaceboRow, accepted_of, gate_of, placebo_rows, power_of
from views.runs.show import text_of
from views.runs.train_rows import (
    TRAIN_STEPS,
    TrainingRow,
    TrainStepRow,
    believed,
    counted,
    edits,
    gained,
    measured,
    percent,
    place,
    shadows,
    step_rows,
    training_row,
)
from views.terminal.format import count, money, plural, short, when
from views.terminal.pages import page_template
from views.terminal.table_formats import TableFormat, latex_text, markdown_text, write_table
from views.training.edit_page import candidate_diff
from views.training.edits import EDITS, EditRow, edit_rows, source, what
from views.training.gate_rows import GATES, GateRulingRow, gate_rows
from views.training.item_changes import (
    ITEM_CHANGES,
    ItemChangeRow,
    change_of,
    change_rows,
    marks,
    ordered,
    share,
)
from views.training.item_changes import (
    counted as moved,
)
from views.training.results import RESULTS, TYPES, TrainedSkillRow, TypeRow, result_rows, type_rows
from views.training.score_chart import ScoreChart, score_chart
from views.training.skill_diff import FileDiffRow
from views.training.stage_costs import STAGE_COSTS, StageCostRow, cost_of, cost_rows
from views.training.trained_log import TrainedLog


class ReportedCandidate(NamedTuple):
    """A candidate with all that is told of it."""

    name: str
    standing: str
    revision: int | None
    edits: Sequence[EditRow]
    gates: Sequence[GateRulingRow]
    items: Sequence[ItemChangeRow]
    """Those that were lost first, then those that were won, then the others."""
    diff: Sequence[FileDiffRow]


class TrainingReport(NamedTuple):
    """What the page holds."""

    title: str
    written: str
    """When, and by what."""
    head: Head
    """Of the log, as it was then."""
    opening: str
    row: TrainingRow
    results: Sequence[TrainedSkillRow]
    steps: Sequence[TrainStepRow]
    chart: ScoreChart | None
    candidates: Sequence[ReportedCandidate]
    placebos: Sequence[PlaceboRow]
    """Empty: none was tried."""
    types: Sequence[TypeRow]
    costs: Sequence[StageCostRow]
    unknown: Sequence[str]
    skill: Sequence[tuple[str, str]]
    """Files of the best skill, with their texts."""


class ReportTime(NamedTuple):
    """When and by what a report is written."""

    at: int
    """Microseconds since 1970, UTC."""
    version: str
    head: Head


async def read_training_report(log: EventLog, trained: TrainedLog, time: ReportTime) -> TrainingReport:
    """Gather what is told of a training run.

    Args:
        log: Which holds it.
        trained: It.
        time: When and by what it is told.
    """
    run = trained.run
    steps, row = step_rows(run), training_row(run)
    return TrainingReport(
        title=f"Training of {run.skill}, run {short(run.run)}",
        written=f"{when(time.at)} UTC by stillroom {time.version}",
        head=time.head,
        opening=_opening(row),
        row=row,
        results=await result_rows(log, run, steps),
        steps=steps,
        chart=score_chart(steps),
        candidates=[await _candidate(log, trained, each) for each in run.candidates],
        placebos=await placebo_rows(log, run),
        types=type_rows(trained),
        costs=await cost_rows(log, run.run),
        unknown=[*_origin(await _opened(log, run.run)), *_unknown(trained)],
        skill=[(each.name, await text_of(log, each.digest)) for each in run.best.files],
    )


async def _candidate(log: EventLog, trained: TrainedLog, candidate: CandidateRecord) -> ReportedCandidate:
    run = trained.run
    return ReportedCandidate(
        candidate.name,
        candidate.standing,
        candidate.revision,
        [each for each in edit_rows(run) if each.candidate == candidate.name],
        gate_rows(run.run, candidate),
        ordered(change_rows(trained, candidate)),
        await candidate_diff(log, run, candidate) or (),
    )


async def _opened(log: EventLog, run: str) -> RunOpened | RunImported | None:
    async for page in pages_of(log, Selection(run=run, tags={"run.opened", "run.imported"})):
        for each in page:
            if isinstance(each.event, RunOpened | RunImported):
                return each.event
    return None


def _opening(row: TrainingRow) -> str:
    sets = ", ".join(f"{count} {purpose}" for purpose, count in row.items.items()) or "not on record"
    course = f"{plural(row.step, 'step')} in {plural(row.epoch, 'epoch')}"
    gate = "no gate ruled so far" if row.gate is None else f"gate {row.gate}"
    ended = "it has not ended" if row.ending is None else f"ended: {row.ending}"
    return f"Skill {row.skill}; items: {sets}; {course}; {gate}. Candidates: {counted(row)}; {ended}."


def _origin(opened: RunOpened | RunImported | None) -> Iterator[str]:
    """Say whether the run is another system's, or a script's."""
    if isinstance(opened, RunImported):
        yield f"It was imported from {opened.source}: stillroom observed none of it, and cannot make its rulings again."
        yield from opened.warnings
    elif opened is not None and opened.scripted:
        yield "A script stood in place of a model: its answers are canned, and so are the scores."


def _unknown(trained: TrainedLog) -> Iterator[str]:
    """Say what nobody knows, or what has to be taken on trust."""
    run = trained.run
    lacking = Counter(
        cell.unscored or "running" for cells in run.cells.values() for cell in cells.values() if cell.solved is None
    )
    for reason, number in sorted(lacking.items()):
        yield f"{plural(number, 'cell')} without a score: {reason.replace('_', ' ')}; they are in no mean."
    found = sum(cell.found_in is not None for cells in run.cells.values() for cell in cells.values())
    if found:
        yield f"{plural(found, 'score')} of other runs were found in the log and stand for passes of this one."
    if run.do_nothing:
        yield f"Solved without anything being done, so that they say nothing of a skill: {', '.join(run.do_nothing)}."
    elif run.do_nothing_measured is None:
        yield "What the items score if nothing is done was not measured."
    yield from _questions(trained)
    looks = sum(each.outcome != "more" for candidate in run.candidates for each in candidate.gates)
    selection = run.set_for("selection")
    if looks and selection is not None:
        items = plural(len(selection.items), "selection item")
        yield f"{plural(looks, 'ruling')} rested on the same {items}: only items that chose nothing say more."
    if run.closed is not None and all(each.measured is None for each in run.closed.skills):
        yield "The final skill was not measured anew: what is believed of it rests on passes that chose it."


def _questions(trained: TrainedLog) -> Iterator[str]:
    """Say where the optimizer was not heard, and what it was not shown."""
    questions = trained.run.questions.values()
    unread = Counter(each.ending for each in questions if each.ending not in {"read", None})
    for ending, number in sorted(unread.items(), key=str):
        yield f"{plural(number, 'question')} to the optimizer: {str(ending).replace('_', ' ')}."
    hidden = sum(len(each.hidden) for each in questions)
    if hidden:
        yield f"{plural(hidden, 'rollout')} could not be shown to the optimizer."
    broken = [reason for step in trained.run.steps for reason in step.broken]
    if broken:
        yield f"{plural(len(broken), 'batch')} broke as a whole and began again: {'; '.join(dict.fromkeys(broken))}."
    for candidate in trained.run.candidates:
        for name, error in candidate.shadow_failures.items():
            yield f"Shadow gate {name} could not rule on {candidate.name}: {error}."


def training_page(told: TrainingReport) -> str:
    """Write the page: one file that needs nothing else."""
    template = page_template("views.training", "training.html.j2")
    words = {
        "place": place,
        "edits_of": edits,
        "percent": percent,
        "believed": believed,
        "gained": gained,
        "measured": measured,
        "shadows": shadows,
        "what": what,
        "source": source,
        "marks": marks,
        "share": share,
        "moved": moved,
        "change_of": change_of,
        "count": count,
        "money": money,
        "cost_of": cost_of,
        "gate_of": gate_of,
        "accepted_of": accepted_of,
        "power_of": power_of,
        "plural": plural,
    }
    return template.render(told=told, **words)


def training_tables(told: TrainingReport, form: TableFormat) -> str:
    """Write what was trained, and its tables, for a paper."""
    escaped = latex_text if form is TableFormat.LATEX else markdown_text
    edited = [row for each in told.candidates for row in each.edits]
    ruled = [row for each in told.candidates for row in each.gates]
    parts = [
        escaped(told.opening),
        write_table(told.results, RESULTS, form),
        write_table(told.steps, TRAIN_STEPS, form),
        write_table(edited, EDITS, form),
        write_table(ruled, GATES, form),
    ]
    for each in told.candidates:
        parts += [escaped(f"Items of {each.name}, {each.standing}"), write_table(each.items, ITEM_CHANGES, form)]
    if told.placebos:
        parts.append(write_table(told.placebos, PLACEBOS, form))
    parts += [write_table(told.types, TYPES, form), write_table(told.costs, STAGE_COSTS, form)]
    return "\n\n".join(part.rstrip("\n") for part in [*parts, *map(escaped, told.unknown)]) + "\n"
