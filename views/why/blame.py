"""Blame: what each section of a skill rests on, and whom its text was shown to."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.policies.scan.hidden_text import written_out
from engine.policies.skill.split import SplitFault, split_skill
from engine.programs.explore.policies.provenance import Provenance
from events.streams import trial_of
from events.types.skill import SkillRevised
from replay.why.blame import BlamedLines, SectionBlame, blame, sections_of, spans_of
from replay.why.blob_refs import lines_of
from replay.why.marks import DistilledSkill
from replay.why.shown import shown_to
from views.runs import skill_marks
from views.runs.skills import skill_names
from views.terminal.errors import IdUnknown, UsageWrong
from views.terminal.format import plural
from views.terminal.log_access import OpenedLog
from views.terminal.tables import one_line
from views.why.target import FoundSkill, find_skill

_provenance: Final = msgspec.json.Decoder(Provenance)


class RestRow(msgspec.Struct, frozen=True):
    """Lines of evidence that a section shares words with."""

    block: str
    first_line: int
    last_line: int
    events: tuple[str, ...]
    """Ids that `show` and `why` take; empty: the block stands for itself."""
    share: float
    """Of the section's words, by weight, in [0, 1]."""
    words: tuple[str, ...]
    """Those that weigh most first."""


class SectionRow(msgspec.Struct, frozen=True, tag_field="row", tag="section"):
    """A section of a skill, and its evidence, matched by shared words; what a model attended to cannot be known."""

    skill: str
    revision: int
    section: str
    first_line: int
    share: float
    """Of its words, by weight, that stand anywhere in the evidence, in [0, 1]."""
    rests: tuple[RestRow, ...]


class ShownRow(msgspec.Struct, frozen=True, tag_field="row", tag="shown"):
    """A stream in which a model was shown the skill's text, word for word."""

    skill: str
    revision: int
    run: str
    stream: str
    first: str
    """Id of the first question that held it."""
    calls: int


async def tell(desk: OpenedLog, text: str) -> None:
    """Show what each section of a skill rests on, and whom it was shown to.

    Raises:
        IdUnknown: There is no such skill.
        UsageWrong: It was imported, so nobody recorded what it was written from.
        BlobErased, BlobMissing: Bytes it rests on are gone.
    """
    found = await find_skill(desk.log, text)
    if found is None:
        raise IdUnknown(text, "skill", await skill_names(desk.log))
    skill = found.event
    if not isinstance(skill, SkillRevised):
        raise UsageWrong(
            f"{skill.skill} was imported: its evidence is not recorded",
            remedy=f"`stillroom why {text}` shows what is",
        )
    markdown = (await desk.log.get(skill.files[0].digest)).decode()
    told = blame(sections_of(markdown), await _evidence(desk, skill))
    desk.screen.show([_section_row(found, skill, each) for each in told], _render)
    marked = await _marked(desk, found, skill)
    desk.screen.show(marked.rows, lambda rows: _render_marks(rows, marked))
    parts = split_skill(markdown)
    body = markdown if isinstance(parts, SplitFault) else parts.body
    shown = [
        ShownRow(
            skill.skill, skill.revision, each.run, each.stream, f"{each.run}:{each.stream}@{each.version}", each.calls
        )
        for each in await shown_to(desk.log, body)
    ]
    desk.screen.show(shown, _render_shown)


async def _marked(desk: OpenedLog, found: FoundSkill, skill: SkillRevised) -> skill_marks.MarkedSkill:
    stream = found.recorded.stream
    files = {each.name: await desk.log.get(each.digest) for each in skill.files}
    trial = trial_of(stream.name) or ""
    return await skill_marks.load(desk.log, DistilledSkill(stream.run, trial, skill.skill, skill.revision, files))


def _render_marks(rows: Sequence[skill_marks.MarkRow], marked: skill_marks.MarkedSkill) -> RenderableType:
    head = Text("\nword for word:" if rows else "\nword for word: nothing")
    return Group(head, skill_marks.render(rows), Text(skill_marks.summary(marked), style="dim"), Text(""))


async def _evidence(desk: OpenedLog, skill: SkillRevised) -> list[BlamedLines]:
    origin = _provenance.decode(await desk.log.get(skill.provenance))
    spans: list[BlamedLines] = []
    for block in origin.evidence:
        claims = [(each.first_line, each.last_line, each.events) for each in block.claims]
        spans += spans_of(block.block, (await desk.log.get(block.digest)).decode(), claims)
    return spans


def _section_row(found: FoundSkill, skill: SkillRevised, told: SectionBlame) -> SectionRow:
    run = found.recorded.stream.run
    rests = tuple(
        RestRow(
            rest.span.block,
            rest.span.first_line,
            rest.span.last_line,
            tuple(f"{run}:{ref.stream}@{ref.version}" for ref in rest.span.events),
            round(rest.share, 4),
            rest.words,
        )
        for rest in told.rests
    )
    section = told.section
    return SectionRow(skill.skill, skill.revision, section.title, section.first_line, round(told.share, 4), rests)


def _render(rows: Sequence[SectionRow]) -> RenderableType:
    lines: list[RenderableType] = []
    for row in rows:
        head = (f"  line {row.first_line}, {row.share:.0%} of its words occur in the evidence", "dim")
        lines.append(one_line(Text.assemble((written_out(row.section), "bold"), head)))
        for rest in row.rests:
            where = f"{rest.block} {lines_of([(rest.first_line, rest.last_line)])}"
            opened = ", ".join(each.partition(":")[2] for each in rest.events)
            lines.append(
                one_line(
                    Text.assemble(
                        f"  {rest.share:>4.0%}  {where}  ", (f"{opened}  ", "cyan"), (", ".join(rest.words), "dim")
                    )
                )
            )
        if not row.rests:
            lines.append(Text("        no evidence shares its words", style="yellow"))
    lines.append(
        Text("\nby shared words, rare ones weighted most; what a model attended to cannot be known", style="dim")
    )
    return Group(*lines)


def _render_shown(rows: Sequence[ShownRow]) -> RenderableType:
    if not rows:
        return Text("shown to: no model call of this log contains its text")
    told = [
        f"{run}: " + ", ".join(f"{row.stream} ({plural(row.calls, 'call')})" for row in group)
        for run, group in groupby(rows, key=lambda row: row.run)
    ]
    return Text("shown to: " + "; ".join(told))
