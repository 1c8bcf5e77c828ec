"""One edit of a training run: what it says, who proposed it from what, what gates said, and which items it moved."""

from collections.abc import Sequence
from typing import Final

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.lineage import pages_of
from engine.policies.scan.hidden_text import written_out
from events.base import StreamId
from events.digest import Fingerprint
from events.store.base import EventLog, Selection
from events.streams import REFLECT
from events.types.model import ModelAsked
from events.values import NamedDigest
from projections.training.measures import MeasuredCell
from projections.training.state import CandidateRecord, EditRecord, OptimizerRecord, TrainedRun
from views.runs.show import text_of
from views.runs.train_rows import gained, percent
from views.terminal.format import plural
from views.terminal.log_access import OpenedLog
from views.terminal.tables import RecordView, TableView, heading
from views.training.edits import ORIGINS, EditRow, rows_of, source
from views.training.gate_rows import GATES, gate_rows
from views.training.item_changes import ITEM_CHANGES, change_rows, ordered, outcome_of, place_of_cell
from views.training.skill_diff import FileDiffRow, diff_rows, drawn_diff
from views.training.trained_log import ChosenEdit, TrainedLog, choose_edit, read_training


class EvidenceRow(msgspec.Struct, frozen=True, tag_field="row", tag="edit_evidence"):
    """A rollout that the optimizer was shown when it proposed an edit, or was to be shown."""

    run: str
    candidate: str
    question: str
    """Stream of the question to the optimizer, such as ``reflect/3.0.fail.1``."""
    stage: str
    model: str | None
    """Which was asked. None: none was."""
    ending: str | None
    """``read``, or why nothing was read. None: it has not ended."""
    item: str | None
    """None: it was shown no rollouts, as when several lists are merged."""
    outcome: str | None
    """``solved``, ``unsolved``, why it has no score, or ``hidden``: it could not be shown. None: as for ``item``."""
    cell: str | None
    """Id of the event that says so; `show` takes it. None: as for ``item``."""
    note: str
    """Why nothing was read, or why the rollout could not be shown. Empty: nothing stood in the way."""


async def tell(desk: OpenedLog, run: str, text: str) -> None:
    """Show an edit, or a candidate with all of its edits.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run or edit, or several.
        UsageWrong: The run trains nothing.
    """
    trained = await read_training(desk.log, run)
    chosen = choose_edit(trained.run, text)
    candidate, name = chosen.candidate, trained.run.run
    rows = list(rows_of(trained.run, candidate))
    own = [row for row in rows if chosen.place is None or row.edit == f"{candidate.name}.{chosen.place}"]
    desk.screen.show(own, lambda rows: Group(*map(_edit, rows)))
    if len(rows) > len(own):
        others = [row for row in rows if row not in own]
        desk.screen.show(others, lambda rows: Group(heading("\nalso proposed for this candidate"), _OTHERS(rows)))
    if candidate.origin != "placebo":
        evidence = await evidence_rows(desk.log, trained, chosen)
        desk.screen.show(evidence, lambda rows: Group(heading("\nproposed from"), EVIDENCE(rows)))
    desk.screen.show(
        gate_rows(name, candidate), lambda rows: Group(heading("\ngates"), GATES(rows), *_failures(candidate))
    )
    changes = ordered(change_rows(trained, candidate))
    desk.screen.show(changes, lambda rows: Group(heading("\nitems"), ITEM_CHANGES(rows)))
    diffs = await candidate_diff(desk.log, trained.run, candidate)
    desk.screen.show(diffs or [], lambda rows: Group(heading("\nwhat the candidate changes"), _diff(rows, diffs)))


def _failures(candidate: CandidateRecord) -> list[Text]:
    """Say which shadows could not rule."""
    return [Text(f"shadow {name} failed: {error}", "yellow") for name, error in candidate.shadow_failures.items()]


async def evidence_rows(log: EventLog, trained: TrainedLog, chosen: ChosenEdit) -> list[EvidenceRow]:
    """List what the optimizer was shown when it proposed an edit, reflections first, then the merges."""
    rows: list[EvidenceRow] = []
    for stream in questions_of(trained.run, chosen):
        rows += _question_rows(trained.run, chosen.candidate, stream, await _model(log, trained.run.run, stream))
    return rows


def questions_of(run: TrainedRun, chosen: ChosenEdit) -> list[str]:
    """Name the streams of the questions that led to an edit, in order."""
    candidate = chosen.candidate
    if candidate.origin == "slow":
        return [each for each in (f"slow/{candidate.epoch}",) if each in run.questions]
    if candidate.origin == "appendix":
        return [each for each in run.questions if each.startswith(f"appendix/{candidate.step}")]
    edits = [each for each in candidate.edits if chosen.place in {None, each.place}]
    reflections = [stream for stream in run.questions if _reflected(stream, candidate.step, edits)]
    step = next((each for each in run.steps if each.step == candidate.step), None)
    late = [f"{family}/{candidate.step}" for family in ("rank", "rewrite")]
    return [*reflections, *[each for each in (*(step.merges if step else ()), *late) if each in run.questions]]


def _reflected(stream: str, step: int, edits: Sequence[EditRecord]) -> bool:
    """Say whether an edit came from a reflection of a step; one that names none may have come from any."""
    if not stream.startswith(f"{REFLECT}/{step}."):
        return False
    named = [each.edit.sources for each in edits]
    return not all(named) or not named or any(_is_of(stream, source) for some in named for source in some)


def _is_of(stream: str, source: str) -> bool:
    """Say whether a source names a reflection: by the name of its stream, or the end of that."""
    name = stream.partition("/")[2]
    return name == source or name.endswith(f".{source}")


def _question_rows(run: TrainedRun, candidate: CandidateRecord, stream: str, model: str | None) -> list[EvidenceRow]:
    question = run.questions[stream]
    hidden = {each.item: each.reason for each in question.hidden}
    found = [(each, cell_of(run, each)) for each in question.cells]
    rows = [_row(run, candidate, stream, question, model)]
    shown = [
        msgspec.structs.replace(
            rows[0],
            item=cell.cell.item,
            outcome="hidden" if cell.cell.item in hidden else outcome_of(cell),
            cell=place_of_cell(run.run, cell),
            note=hidden.get(cell.cell.item, ""),
        )
        for _, cell in found
        if cell is not None
    ]
    return shown or rows


def _row(
    run: TrainedRun, candidate: CandidateRecord, stream: str, question: OptimizerRecord, model: str | None
) -> EvidenceRow:
    return EvidenceRow(
        run=run.run,
        candidate=candidate.name,
        question=stream,
        stage=question.stage,
        model=model,
        ending=question.ending,
        item=None,
        outcome=None,
        cell=None,
        note=question.reason,
    )


def cell_of(run: TrainedRun, stream: str) -> MeasuredCell | None:
    """Find a cell by its stream. None: this run has none."""
    label = stream.partition("/")[2].partition("/")[0]
    cell = run.cells.get(label, {}).get(stream)
    return None if cell is None else MeasuredCell(stream, cell)


async def _model(log: EventLog, run: str, stream: str) -> str | None:
    """Name the model that a question was put to."""
    async for page in pages_of(log, Selection(stream=StreamId(run, stream), tags={"model.asked"})):
        for each in page:
            if isinstance(each.event, ModelAsked):
                return each.event.model
    return None


async def candidate_diff(log: EventLog, run: TrainedRun, candidate: CandidateRecord) -> list[FileDiffRow] | None:
    """Compare a candidate with the revision that it was made from. None: the log does not say which that was."""
    before = files_of(run, candidate.parent)
    if before is None:
        return None
    parent = next((each.revision for each in run.revisions if each.digest == candidate.parent), None)
    name = "nothing" if candidate.parent is None else f"{run.skill}@{parent}" if parent is not None else "parent"
    texts = [{each.name: await text_of(log, each.digest) for each in files} for files in (before, candidate.files)]
    return list(diff_rows((name, candidate.name), *texts))


def files_of(run: TrainedRun, digest: Fingerprint | None) -> tuple[NamedDigest, ...] | None:
    """Find the files of a state of the skill. None: there is no such state."""
    if digest is None:
        return ()
    known = {each.digest: each.files for each in run.candidates} | {each.digest: each.files for each in run.revisions}
    return known.get(digest)


def _diff(rows: Sequence[FileDiffRow], found: Sequence[FileDiffRow] | None) -> RenderableType:
    if found is None:
        return Text("unknown: its parent is no revision of this run", style="dim")
    return Group(*[drawn_diff(row.diff.splitlines()) for row in rows]) if rows else Text("nothing", style="dim")


def _outcome(row: EditRow) -> str:
    if row.standing == "refused":
        return f"refused ({row.status}): the candidate is without it"
    if row.standing == "not selected":
        return f"not selected: {row.reason}"
    if row.origin == "placebo":
        return f"{row.standing}; a placebo never comes into force"
    told = row.standing if row.revision is None else f"{row.standing}, revision {row.revision}"
    return f"{told}; {row.status}" if row.status else told


def _edit(row: EditRow) -> RenderableType:
    return Group(_RECORD(row), *_text(row))


def _text(row: EditRow) -> list[RenderableType]:
    """Draw an edit as a change of lines."""
    target = [f"{'  ' if row.op == 'insert_after' else '- '}{line}" for line in row.target.splitlines()]
    content = [f"+ {line}" for line in row.content.splitlines()] if row.op != "delete" else []
    lines = [*target, *content]
    return [Text("\n").join(Text(written_out(f"  {line}"), style=_COLOURS.get(line[0], "")) for line in lines)]


_COLOURS: Final = {"+": "green", "-": "red"}
_RECORD: Final = RecordView(
    EditRow,
    ("edit", lambda row: f"{row.edit} of run {row.run}, step {row.step}, epoch {row.epoch}"),
    ("what", lambda row: f"{row.op.replace('_', ' ')} in {row.file}" if row.op else ORIGINS[row.origin]),
    ("from", lambda row: source(row) if row.op else None),
    ("outcome", _outcome),
    ("hint", lambda row: row.hint),
    ("gate", lambda row: f"{row.gate}: {row.reason}" if row.gate else None),
    ("candidate", lambda row: None if row.score is None else f"{percent(row.score)}, gain {gained(row.gain)} points"),
)
_OTHERS: Final = TableView(
    EditRow,
    "edit",
    ("what…", lambda row: f"{row.op.replace('_', ' ')}: {' '.join((row.content or row.target).split())[:60]}"),
    ("outcome", lambda row: row.standing),
    "hint…",
)


def _shown(rows: Sequence[EvidenceRow]) -> list[RenderableType]:
    items = {row.item for row in rows if row.item is not None}
    asked = {row.question for row in rows}
    return [Text(f"{plural(len(asked), 'question')}, {plural(len(items), 'rollout')} shown", style="dim")]


EVIDENCE: Final = TableView(
    EvidenceRow,
    "question",
    ("model", lambda row: row.model),
    ("read", lambda row: "not ended" if row.ending is None else "yes" if row.ending == "read" else row.ending),
    ("item", lambda row: row.item or ""),
    ("outcome", lambda row: row.outcome or ""),
    ("trajectory…", lambda row: (row.cell or "").partition(":")[2]),
    "note…",
    notes=_shown,
    empty=Text("nothing is on record of who proposed it", style="dim"),
)
