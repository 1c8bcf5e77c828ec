"""Blame of a trained skill: of each line, the edit that wrote it, what it was proposed from, and which items moved."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.policies.edits.edit import DOCUMENT
from engine.policies.scan.hidden_text import written_out
from engine.policies.skill.split import SplitFault, split_skill
from projections.line_origins import LineOrigin, TextRevision, WrittenText, line_origins
from projections.training.measures import changes_of
from projections.training.state import CandidateRecord, RevisionRecord, TrainedRun
from views.libraries import blame
from views.libraries.evolved import is_of_library
from views.runs import skills
from views.runs.show import text_of
from views.terminal.errors import IdUnknown, UsageWrong
from views.terminal.format import plural
from views.terminal.log_access import OpenedLog
from views.terminal.tables import one_line
from views.training.edit_page import cell_of, questions_of
from views.training.item_changes import outcome_of, place_of_cell
from views.training.trained_log import ChosenEdit, skill_of_run

LineSource: TypeAlias = Literal["initial", "settings", "edit"]
"""initial: training began with the line. settings: front matter of a skill that began as nothing."""


_GIVEN: Final[Mapping[str, str]] = {
    "initial": "that training began with",
    "settings": "of front matter: train.name and train.description, which no edit changes",
}


class BlamedLineRow(msgspec.Struct, frozen=True, tag_field="row", tag="blamed_line"):
    """A line of a trained skill, and where it comes from."""

    skill: str
    run: str
    revision: int
    """The one that is asked about."""
    file: str
    line: int
    """From 1."""
    text: str
    since: int
    """Revision that brought the line; 0: training began with it."""
    edit: str | None
    """Edit that wrote it, as `edits show` takes it; the candidate where none of its edits has the line. None: training
    began with it, or it is front matter that the settings gave."""
    origin: LineSource
    step: int | None
    """None: as for ``edit``."""
    questions: tuple[str, ...]
    """Streams of the questions to the optimizer that the edit came from."""
    evidence: tuple[str, ...]
    """Ids of what became of the rollouts that the optimizer was shown; `show` takes them."""
    items: tuple[str, ...]
    """Items of those rollouts, each once."""
    won: tuple[str, ...]
    """Items of the selection set whose score went up when the edit came, with all others of its candidate."""
    lost: tuple[str, ...]
    """Those whose score went down."""


async def tell(desk: OpenedLog, text: str) -> None:
    """Show where each line of a skill comes from.

    Raises:
        IdUnknown, IdAmbiguous: There is no such skill, or there are several.
        UsageWrong: It was not trained.
    """
    chosen = await skills.choose(desk, text)
    skill = (await skills.choose_skill(desk, text)).skill
    if is_of_library(skill):
        await blame.tell(desk, skill, chosen.revision)
        return
    trained = await skill_of_run(desk.log, chosen.run)
    if trained is None or trained.run.skill != chosen.skill:
        raise UsageWrong(
            f"{chosen.skill} of run {chosen.run} was not trained: no edit wrote its lines",
            remedy=f"`stillroom blame {chosen.run}:{chosen.skill}` shows the evidence behind its sections",
        )
    record = next((each for each in trained.run.revisions if each.revision == chosen.revision.revision), None)
    if record is None:
        raise IdUnknown(text, "revision", [f"{chosen.skill}@{each.revision}" for each in trained.run.revisions])
    rows = await blame_rows(desk, trained.run, record)
    desk.screen.show(rows, render)


async def blame_rows(desk: OpenedLog, run: TrainedRun, record: RevisionRecord) -> list[BlamedLineRow]:
    """Say of each line of a revision where it comes from, file by file."""
    revisions = run.revisions[: run.revisions.index(record) + 1]
    told = {each.revision: _Told(run, each) for each in revisions}
    rows: list[BlamedLineRow] = []
    for file in [each.name for each in record.files]:
        states = [
            TextRevision(str(each.revision), await _text(desk, each, file), _written(run, each, file))
            for each in revisions
        ]
        front = _front(states[-1].text) if file == DOCUMENT and not run.initial else 0
        rows += [told[int(each.revision)].row(record, file, each, front) for each in line_origins(states)]
    return rows


def _front(text: str) -> int:
    """Count the lines of front matter, which no edit can change; 0: there is none."""
    parts = split_skill(text)
    return 0 if isinstance(parts, SplitFault) else parts.body_line - 1


async def _text(desk: OpenedLog, record: RevisionRecord, file: str) -> str:
    digest = next((each.digest for each in record.files if each.name == file), None)
    return "" if digest is None else await text_of(desk.log, digest)


def _candidate(run: TrainedRun, record: RevisionRecord) -> CandidateRecord | None:
    return None if record.candidate is None else run.candidate(record.candidate)


def _written(run: TrainedRun, record: RevisionRecord, file: str) -> tuple[WrittenText, ...]:
    """List what the edits of a revision wrote into a file, in the order in which they were applied."""
    candidate = _candidate(run, record)
    edits = [] if candidate is None else [each for each in candidate.edits if each.applied and each.edit.file == file]
    return tuple(WrittenText(str(each.place), each.edit.content) for each in edits)


class _Told:
    """What is to be told of the lines that a revision brought, worked out once for each of its edits."""

    def __init__(self, run: TrainedRun, record: RevisionRecord) -> None:
        self._run = run
        self._record = record
        self._candidate = _candidate(run, record)
        changes = [] if self._candidate is None else changes_of(run, self._candidate)
        self._won = tuple(each.item for each in changes if each.move == "won")
        self._lost = tuple(each.item for each in changes if each.move == "lost")
        self._sources: dict[str | None, _Evidence] = {}

    def row(self, asked: RevisionRecord, file: str, line: LineOrigin, front: int) -> BlamedLineRow:
        """Tell of a line; the first ones are front matter."""
        given = line.number <= front
        candidate = None if given else self._candidate
        found = _Evidence() if given else self._evidence(line.edit)
        origin: LineSource = "edit" if candidate is not None else "settings" if self._record.revision else "initial"
        return BlamedLineRow(
            skill=self._run.skill,
            run=self._run.run,
            revision=asked.revision,
            file=file,
            line=line.number,
            text=line.text,
            since=self._record.revision,
            edit=None
            if candidate is None
            else candidate.name
            if line.edit is None
            else f"{candidate.name}.{line.edit}",
            origin=origin,
            step=None if candidate is None else candidate.step,
            questions=found.questions,
            evidence=found.cells,
            items=found.items,
            won=() if given else self._won,
            lost=() if given else self._lost,
        )

    def _evidence(self, edit: str | None) -> "_Evidence":
        if edit not in self._sources:
            self._sources[edit] = _Evidence() if self._candidate is None else self._found(self._candidate, edit)
        return self._sources[edit]

    def _found(self, candidate: CandidateRecord, edit: str | None) -> "_Evidence":
        questions = questions_of(self._run, ChosenEdit(candidate, None if edit is None else int(edit)))
        cells = [cell_of(self._run, each) for stream in questions for each in self._run.questions[stream].cells]
        found = [each for each in cells if each is not None]
        places = tuple(place_of_cell(self._run.run, each) for each in found)
        items = dict.fromkeys(f"{each.cell.item} ({outcome_of(each)})" for each in found)
        return _Evidence(tuple(questions), places, tuple(items))


class _Evidence(NamedTuple):
    """What an edit was proposed from."""

    questions: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


def render(rows: Sequence[BlamedLineRow]) -> RenderableType:
    """Draw a skill with the edit beside each line, and below it what each edit rests on and moved."""
    parts: list[RenderableType] = []
    width = max([len(row.edit or row.origin) for row in rows], default=0)
    for file, group in groupby(rows, key=lambda row: row.file):
        parts.append(Text(f"--- {written_out(file)}", style="dim"))
        parts += [_line(row, width) for row in group]
    parts += [Text(), *_edits(rows)]
    return Group(*parts)


def _line(row: BlamedLineRow, width: int) -> Text:
    head = (f"{row.edit or row.origin:<{width}} ", "dim" if row.edit is None else "cyan")
    return one_line(Text.assemble(head, (f"{row.line:>4}  ", "dim"), written_out(row.text.expandtabs())))


def _edits(rows: Sequence[BlamedLineRow]) -> Iterator[Text]:
    """Tell of each edit once, the oldest first."""
    places = dict.fromkeys((row.edit, row.origin) for row in rows)
    counts = {place: [row for row in rows if (row.edit, row.origin) == place] for place in places}
    for (edit, origin), own in sorted(counts.items(), key=lambda pair: (pair[1][0].since, pair[0][0] or "")):
        first = own[0]
        if edit is None:
            yield Text(f"{origin}: {plural(len(own), 'line')} {_GIVEN[origin]}", style="dim")
            continue
        yield one_line(Text.assemble((edit, "cyan"), f": {plural(len(own), 'line')}, revision {first.since}"))
        moved = [("won", first.won), ("lost", first.lost)]
        told = "; ".join(f"{word} {', '.join(items)}" for word, items in moved if items) or "no item moved"
        yield one_line(Text(f"  items: {told} (with all edits of its candidate)"))
        yield one_line(Text(f"  from:  {', '.join(first.questions) or 'nothing is on record'}", style="dim"))
        if first.items:
            yield one_line(Text(f"         shown {', '.join(first.items)}", style="dim"))
