"""Marks: which lines of a skill have text word for word from texts of the trial that it was distilled in."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from anyio import to_thread

from engine.core.lineage import lineage_of, pages_along, streams_along
from engine.policies.skill.sections import skill_sections
from engine.policies.skill.shared_text import (
    IndexedText,
    SharedPart,
    SharedRun,
    indexed,
    part_of_line,
    part_of_lines,
    runs_in,
    shared,
)
from events.base import Recorded, StreamId
from events.digest import Digest
from events.errors import BlobErased, BlobMissing
from events.store.base import EventLog, Selection
from events.streams import trial_of, trial_stream
from events.types.skill import SkillRevised
from projections.trial_texts import TAINTED, TextKind, TrialText, only_prints_files, trial_texts

_SKILL: Final = "SKILL.md"


class DistilledSkill(NamedTuple):
    """A revision of a skill, and where it came about."""

    run: str
    trial: str
    skill: str
    revision: int
    """From 1; 0 for an imported one."""
    files: Mapping[str, bytes]
    """By path below its folder."""


class TextMark(NamedTuple):
    """A line or a section that has text from somewhere."""

    of: Literal["line", "section"]
    file: str
    section: str
    first_line: int
    last_line: int
    source: TrialText
    """Of the sources of its kind, the one that shares most; of equal ones, the first in the log."""
    part: SharedPart
    others: int
    """Further sources of the same kind that share text with it."""

    @property
    def tainted(self) -> bool:
        """Whether anybody may have written it: it is from tool output or a file."""
        return self.source.kind in TAINTED


class SkillMarks(NamedTuple):
    """What could be told of a skill."""

    marks: tuple[TextMark, ...]
    """By file and line; a section stands before its lines."""
    texts: int
    """Texts of the trial that were compared."""
    unread: int
    """Texts that were erased or are missing, so that nothing of them is marked."""


async def marks_of(log: EventLog, skill: DistilledSkill) -> SkillMarks:
    """Mark the lines and sections of a skill by the texts of its trial; none, if it came about outside of a trial."""
    files = {name: indexed(data.decode("utf-8", "replace")) for name, data in skill.files.items()}
    known = frozenset[str]().union(*(each.runs for each in files.values()))
    found: list[tuple[TrialText, frozenset[str]]] = []
    unread = 0
    texts = trial_texts(await _history(log, skill))
    read: dict[Digest, frozenset[str]] = {}
    for each in texts:
        try:
            if each.digest not in read:
                text = (await log.get(each.digest)).decode("utf-8", "replace")
                read[each.digest] = await to_thread.run_sync(runs_in, known, text)
            if read[each.digest]:
                found.append((await _told(log, each), read[each.digest]))
        except (BlobErased, BlobMissing):
            unread += 1
    marks = [mark for name, text in files.items() for mark in _marks(name, text, skill.files[name], found)]
    return SkillMarks(tuple(marks), len(texts) - unread, unread)


async def _told(log: EventLog, text: TrialText) -> TrialText:
    """Say that an output is a file's contents where its command prints nothing else."""
    if text.kind != "output" or text.command is None:
        return text
    command = (await log.get(text.command)).decode("utf-8", "replace")
    return text._replace(kind="file") if only_prints_files(command) else text


async def _history(log: EventLog, skill: DistilledSkill) -> list[Recorded]:
    """Read the events of a trial, up to the one that accepted the skill, in the order of the log."""
    lineage = await lineage_of(log, skill.run)
    own = [name for name in await streams_along(log, lineage) if skill.trial and trial_of(name) == skill.trial]
    events: list[Recorded] = []
    for name in own:
        async for page in pages_along(log, lineage, Selection(stream=StreamId(skill.run, name))):
            events += page
    events.sort(key=lambda each: each.position)
    accepted = [
        place
        for place, each in enumerate(events)
        if each.stream.name == trial_stream(skill.trial)
        and isinstance(each.event, SkillRevised)
        and (each.event.skill, each.event.revision) == (skill.skill, skill.revision)
    ]
    return events[: accepted[-1]] if accepted else events


class _Part(NamedTuple):
    title: str
    first_line: int
    last_line: int


def _parts(name: str, text: str, lines: int) -> list[_Part]:
    """Take a file apart at its headings; what stands before them is one part."""
    if not name.endswith(".md"):
        return [_Part("(whole file)", 1, lines)]
    sections = [_Part(each.title, each.first_line, each.last_line) for each in skill_sections(text)]
    first = sections[0].first_line if sections else lines + 1
    before = [_Part("front matter" if name == _SKILL else "(before any heading)", 1, first - 1)] if first > 1 else []
    return before + sections


def _marks(
    name: str, text: IndexedText, data: bytes, found: Sequence[tuple[TrialText, frozenset[str]]]
) -> Iterator[TextMark]:
    told = [(source, runs) for source, all_runs in found if (runs := shared(text, all_runs))]
    for title, first, last in _parts(name, data.decode("utf-8", "replace"), len(text.lines)) if told else ():
        whole = [(source, part_of_lines(text, runs, first, last)) for source, runs in told]
        yield from (TextMark("section", name, title, first, last, *best) for best in _best(whole))
        touching = [pair for pair, (_, part) in zip(told, whole, strict=True) if part is not None]
        for number in range(first, last + 1):
            yield from (TextMark("line", name, title, number, number, *best) for best in _line(text, touching, number))


def _line(
    text: IndexedText, told: Sequence[tuple[TrialText, tuple[SharedRun, ...]]], number: int
) -> Iterator[tuple[TrialText, SharedPart, int]]:
    return _best([(source, part_of_line(text, runs, number)) for source, runs in told])


def _best(parts: Sequence[tuple[TrialText, SharedPart | None]]) -> Iterator[tuple[TrialText, SharedPart, int]]:
    """Give of each kind the source that shares most, and how many others there are."""
    kinds: dict[TextKind, list[tuple[TrialText, SharedPart]]] = {}
    for source, part in parts:
        if part is not None:
            kinds.setdefault(source.kind, []).append((source, part))
    for some in kinds.values():
        source, part = max(some, key=lambda each: each[1].share)
        yield source, part, len(some) - 1
