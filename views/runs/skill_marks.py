"""Marks of skills as they are shown: which lines and sections have text from tool output, files, a verifier, models."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.policies.scan.hidden_text import written_out
from engine.policies.skill.shared_text import LEAST
from events.digest import Digest
from events.store.base import EventLog
from projections.trial_texts import TextKind
from replay.why.blob_refs import lines_of
from replay.why.marks import DistilledSkill, SkillMarks, marks_of
from views.terminal.format import plural
from views.terminal.tables import one_line


class MarkRow(msgspec.Struct, frozen=True, tag_field="row", tag="mark"):
    """A line or section of a skill with text that stands, word for word, in a text of the trial it was distilled in.

    A paraphrase is not found, and that a text stands elsewhere does not prove that it was copied from there.
    """

    skill: str
    revision: int
    file: str
    """Path below the skill's folder."""
    section: str
    of: Literal["line", "section"]
    first_line: int
    """From 1."""
    last_line: int
    """Of a line, the same as the first."""
    source: TextKind
    """``output`` of a command or tool; ``file``: contents of a file that was read or left; ``verifier``: its rows, logs
    and tests; ``task``: instruction and environment; ``memo``; ``model``: what else a model wrote."""
    event: str
    """Id of the event that names the text; `show` and `why` take it."""
    digest: Digest
    """Blob: the text."""
    share: float
    """Of the characters of the line or section, in (0, 1]."""
    longest: int
    """Characters of the longest run that is shared; it may go on beyond the line."""
    others: int
    """Further texts of the same kind that share text with it; this one shares most."""
    tainted: bool
    """Whether anybody may have written it: the source is ``output`` or ``file``."""


class MarkedSkill(NamedTuple):
    """What could be told of a skill, and the rows of it."""

    found: SkillMarks
    rows: tuple[MarkRow, ...]

    @property
    def compared(self) -> bool:
        """Whether there was anything to compare with."""
        return self.found.texts > 0

    def of_line(self, file: str, line: int) -> tuple[MarkRow, ...]:
        """Give the marks of a line."""
        return tuple(row for row in self.rows if (row.of, row.file, row.first_line) == ("line", file, line))


async def load(log: EventLog, skill: DistilledSkill) -> MarkedSkill:
    """Mark a skill."""
    found = await marks_of(log, skill)
    rows = tuple(
        MarkRow(
            skill=skill.skill,
            revision=skill.revision,
            file=each.file,
            section=each.section,
            of=each.of,
            first_line=each.first_line,
            last_line=each.last_line,
            source=each.source.kind,
            event=f"{skill.run}:{each.source.at.stream}@{each.source.at.version}",
            digest=each.source.digest,
            share=round(each.part.share, 4),
            longest=each.part.longest,
            others=each.others,
            tainted=each.tainted,
        )
        for each in found.marks
    )
    return MarkedSkill(found, rows)


def source_of(row: MarkRow) -> str:
    """Name the source of a mark in words."""
    more = f" and {plural(row.others, 'other')}" if row.others else ""
    return f"{row.share:.0%} {row.source} {row.event.partition(':')[2]}{more}"


def tainted_lines(rows: Iterable[MarkRow]) -> dict[str, list[int]]:
    """Number the tainted lines, by file."""
    found: dict[str, list[int]] = {}
    for row in rows:
        if row.tainted and row.of == "line" and row.first_line not in found.setdefault(row.file, []):
            found[row.file].append(row.first_line)
    return found


def summary(marked: MarkedSkill) -> str:
    """Say in a sentence what is tainted, and what cannot be told."""
    if not marked.compared:
        return "no text of a trial is on record: what its lines rest on cannot be told"
    lines = tainted_lines(marked.rows)
    told = "; ".join(f"{written_out(file)} {lines_of([(each, each) for each in some])}" for file, some in lines.items())
    unread = f"; {plural(marked.found.unread, 'text')} could not be read" if marked.found.unread else ""
    compared = f"{plural(marked.found.texts, 'text')} of the trial, by runs of at least {LEAST} characters{unread}"
    return f"tainted by tool output or files: {told or 'no line'} (of {compared}; a paraphrase is not found)"


def render(rows: Sequence[MarkRow]) -> RenderableType:
    """Draw what each section shares, and under it the lines."""
    lines: list[RenderableType] = []
    for (file, section), group in groupby(rows, key=lambda row: (row.file, row.section)):
        some = list(group)
        lines.append(one_line(Text.assemble((written_out(section), "bold"), (f"  {written_out(file)}", "dim"))))
        lines += [one_line(_drawn(row, "  section")) for row in some if row.of == "section"]
        lines += [one_line(_drawn(row, f"  line {row.first_line}")) for row in some if row.of == "line" and row.tainted]
    return Group(*lines)


def _drawn(row: MarkRow, head: str) -> Text:
    style = "yellow" if row.tainted else ""
    return Text.assemble(f"{head:<12}", (source_of(row), style), ("  tainted" if row.tainted else "", "yellow"))


def annotated(files: Mapping[str, str], marked: MarkedSkill) -> RenderableType:
    """Draw the files of a skill line by line, with where the text of each line stands, too."""
    by_line: dict[tuple[str, int], list[MarkRow]] = {}
    for row in marked.rows:
        if row.of == "line":
            by_line.setdefault((row.file, row.first_line), []).append(row)
    lines: list[RenderableType] = []
    for file, text in files.items():
        lines.append(Text(f"--- {written_out(file)}", style="dim"))
        for number, line in enumerate(visible_lines(text), start=1):
            found = by_line.get((file, number), [])
            tainted = any(row.tainted for row in found)
            lines.append(
                Text.assemble((f"{number:>4} {'!' if tainted else ' '} ", "yellow" if tainted else "dim"), line)
            )
            lines += [
                one_line(Text(f"       ^ {source_of(row)}", style="yellow" if row.tainted else "dim")) for row in found
            ]
    return Group(*lines)


def visible_lines(text: str) -> Iterator[str]:
    """Give the lines of a text as a terminal may be shown them: what is not seen is written out."""
    yield from (written_out(line.removesuffix("\r").expandtabs()) for line in text.rstrip("\n").split("\n"))
