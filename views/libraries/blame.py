"""Where the lines of a skill of a library come from; and of a trial that failed, which of them it may have gone by.

A line is of the revision that brought it, of the edit that wrote it, and of the trials that its author was told of.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.policies.library.patch import Patch
from engine.policies.retrieval.searched import SearchedSkill
from engine.policies.scan.hidden_text import written_out
from engine.retrieval.bm25 import rank_by_words
from events.store.base import EventLog
from events.streams import AUTHOR
from projections.library import Revision, Skill
from projections.line_origins import LineOrigin, TextRevision, WrittenText, line_origins
from views.libraries.evolved import WrittenRevision, written_revisions
from views.libraries.failed_trial import FailedTrial
from views.runs.show import text_of
from views.terminal.format import plural
from views.terminal.ids import place_in
from views.terminal.log_access import OpenedLog
from views.terminal.tables import one_line

LineAuthor: TypeAlias = Literal["suite", "draft", "author"]
"""suite: the skill of the suite that the library began with. draft: the author, before any trial. author: after one."""
SUSPECTS: Final = 3
"""Lines that are marked at most, of all that have a word in common with what failed."""


class EvolvedLineRow(msgspec.Struct, frozen=True, tag_field="row", tag="evolved_line"):
    """A line of a skill of a library, and where it comes from."""

    skill: str
    run: str
    library: str
    revision: int
    """The one that is asked about."""
    file: str
    line: int
    """From 1."""
    text: str
    since: int
    """Revision that brought the line."""
    edit: str | None
    """Of its patch, the edit that wrote it, from 1. None: the patch gave the whole file, or nobody of the run wrote
    it."""
    origin: LineAuthor
    task: str
    """From whose trial its author wrote it. Empty: from none."""
    summary: str
    """What the author says of the change. Empty: nothing."""
    author: str
    """Stream of the question to the author. Empty: there was none."""
    trials: tuple[str, ...]
    """Streams of the cells whose trials the author was told of."""
    why: str
    """The revision that brought it, as `why` and `show` take it."""
    suspect: int | None = None
    """Of a trial that failed: its place among the lines that have words in common with the checks that failed, from 1.
    It is no proof. None: it has none, or no trial was named."""


async def tell(desk: OpenedLog, skill: Skill, revision: Revision) -> None:
    """Show where each line of a revision comes from."""
    rows = await line_rows(desk.log, skill, revision)
    desk.screen.show(rows, render)


async def tell_trial(desk: OpenedLog, trial: FailedTrial) -> None:
    """Show where each line of the skills comes from that a trial read, those first that it may have gone by."""
    rows: list[EvolvedLineRow] = []
    for skill, revision in trial.skills:
        rows += await line_rows(desk.log, skill, revision)
    rows = suspected(rows, trial.failures)
    desk.screen.show(rows, lambda told: Group(*_trial_lines(trial), render(told)))


async def line_rows(log: EventLog, skill: Skill, revision: Revision) -> list[EvolvedLineRow]:
    """Say of each line of a revision where it comes from, file by file."""
    line = [each.digest for each in skill.lineage(revision.digest)]
    written = [each for each in await written_revisions(log, skill) if each.revision.digest in line]
    sources = {str(each.revision.revision): _Source(skill, each) for each in written}
    rows: list[EvolvedLineRow] = []
    for file in [each.name for each in revision.files]:
        states = [
            TextRevision(str(each.revision.revision), await _text(log, each.revision, file), _edits(skill, each, file))
            for each in written
        ]
        rows += [sources[each.revision].row(revision, file, each) for each in line_origins(states)]
    return rows


async def _text(log: EventLog, revision: Revision, file: str) -> str:
    digest = next((each.digest for each in revision.files if each.name == file), None)
    return "" if digest is None else await text_of(log, digest)


def _edits(skill: Skill, written: WrittenRevision, file: str) -> tuple[WrittenText, ...]:
    """List what the edits of a patch write into a file, by their places from 1."""
    patch = written.patch or Patch("")
    path = f"{skill.name}/{file}"
    return tuple(
        WrittenText(str(place), each.content) for place, each in enumerate(patch.edits, start=1) if each.file == path
    )


class _Source(NamedTuple):
    """A revision, as the origin of lines."""

    skill: Skill
    written: WrittenRevision

    def row(self, asked: Revision, file: str, line: LineOrigin) -> EvolvedLineRow:
        """Tell of a line."""
        revision, origin, patch = self.written
        drafted = origin.task == origin.family
        by: LineAuthor = "suite" if patch is None else "draft" if drafted else "author"
        library = self.skill.library or ""
        return EvolvedLineRow(
            skill=self.skill.name,
            run=revision.run,
            library=library,
            revision=asked.revision,
            file=file,
            line=line.number,
            text=line.text,
            since=revision.revision,
            edit=line.edit,
            origin=by,
            task="" if by != "author" else origin.task,
            summary="" if patch is None else patch.summary,
            author="" if patch is None else f"{AUTHOR}/{library}/{origin.task}",
            trials=origin.cells if by == "author" else (),
            why=place_in(revision.run, f"library/{library}", revision.version),
        )


def suspected(rows: Sequence[EvolvedLineRow], failures: Sequence[str]) -> list[EvolvedLineRow]:
    """Mark the lines that have the most telling words in common with what failed."""
    query = "\n".join(failures)
    lines = [
        SearchedSkill(f"line-{place:06}", "", "", "", row.text) for place, row in enumerate(rows) if row.text.strip()
    ]
    ranked = [each for each in rank_by_words(query, lines) if each.score > 0][:SUSPECTS]
    places = {int(each.skill.removeprefix("line-")): number for number, each in enumerate(ranked, start=1)}
    return [msgspec.structs.replace(row, suspect=places.get(place)) for place, row in enumerate(rows)]


def render(rows: Sequence[EvolvedLineRow]) -> RenderableType:
    """Draw skills with the revision beside each line, and below them what each revision rests on."""
    parts: list[RenderableType] = []
    width = max([len(_name(row)) for row in rows], default=0)
    for (skill, file), group in groupby(rows, key=lambda row: (row.skill, row.file)):
        lines = list(group)
        of = f"revision {lines[0].revision} in library {lines[0].library} of run {lines[0].run}"
        parts.append(Text(f"--- {skill}/{written_out(file)}  {of}", style="dim"))
        parts += [_line(row, width) for row in lines]
    parts += [Text(), *_sources(rows)]
    return Group(*parts)


def _name(row: EvolvedLineRow) -> str:
    return f"{row.since}" if row.edit is None else f"{row.since}.{row.edit}"


def _line(row: EvolvedLineRow, width: int) -> Text:
    head = (f"{_name(row):<{width}} ", "dim" if row.origin == "suite" else "cyan")
    mark = "  " if row.suspect is None else f"{row.suspect}>"
    return one_line(
        Text.assemble(head, (mark, "bold yellow"), (f"{row.line:>4}  ", "dim"), written_out(row.text.expandtabs()))
    )


_BY: Final[Mapping[LineAuthor, str]] = {
    "suite": "the suite's own skill",
    "draft": "the author's first draft, before any trial",
    "author": "the author, after",
}


def _sources(rows: Sequence[EvolvedLineRow]) -> Iterator[Text]:
    """Tell of each revision once, the oldest first."""
    places = dict.fromkeys((row.skill, row.since) for row in rows)
    for skill, since in sorted(places):
        own = [row for row in rows if (row.skill, row.since) == (skill, since)]
        first = own[0]
        task = f" {first.task}" if first.task else ""
        head = f" {since}: {plural(len(own), 'line')} by {_BY[first.origin]}{task}"
        yield one_line(Text.assemble((skill, "cyan"), head))
        if first.summary:
            yield one_line(Text(f"  says:  {first.summary}"))
        if first.trials:
            yield one_line(Text(f"  told:  {', '.join(first.trials)}", style="dim"))
        yield one_line(Text(f"  why:   stillroom why {first.why}", style="dim"))


def _trial_lines(trial: FailedTrial) -> Iterator[Text]:
    """Say what failed, and how skills came to the trial."""
    yield one_line(Text.assemble((trial.name, "bold"), f" {trial.outcome}"))
    for failure in trial.failures:
        yield one_line(Text(f"  failed: {failure}"))
    yield one_line(Text(f"  skills: {trial.told_skills}", style="dim"))
    yield one_line(Text(f"  why:    stillroom why {trial.why}", style="dim"))
    yield Text(f"  1> to {SUSPECTS}> mark lines with words in common with what failed; that is no proof", style="dim")
