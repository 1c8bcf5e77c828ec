"""Skills as they were distilled or imported: listed, shown, and written out as folders."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

import msgspec
from anyio import Path as AsyncPath
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.fold import fold
from events.store.base import EventLog, Selection
from projections.library import Library, LibraryState, Revision
from views.runs.show import text_of
from views.terminal.errors import IdAmbiguous, IdUnknown, UsageWrong
from views.terminal.format import plural, when
from views.terminal.ids import find_run
from views.terminal.log_access import OpenedLog
from views.terminal.tables import RecordView, TableView


class SkillRow(msgspec.Struct, frozen=True):
    """A revision of a skill."""

    skill: str
    run: str
    trial: str
    """The trial whose success was distilled."""
    revision: int
    """From 1; 0 for an imported skill."""
    in_force: bool
    """Whether it is the latest of its run."""
    imported: bool
    files: tuple[str, ...]
    at: int
    """Microseconds since 1970, UTC."""
    warnings: tuple[str, ...]
    problems: tuple[str, ...]
    """Which rules an imported skill breaks."""


class SkillText(msgspec.Struct, frozen=True):
    """A skill with its files."""

    skill: str
    run: str
    revision: int
    files: dict[str, str]
    """Texts by path."""
    warnings: tuple[str, ...]
    """What is doubtful about it, though it was accepted."""
    problems: tuple[str, ...]
    """Which rules an imported skill breaks."""


class ExportedSkill(msgspec.Struct, frozen=True):
    """A skill that was written out."""

    skill: str
    path: str
    files: tuple[str, ...]
    provenance: str | None
    """File that says which events each claim rests on; it is no part of the skill. None: imported, so nothing says."""


def _doubts(warnings: Sequence[str], problems: Sequence[str]) -> str:
    """Count what is to be said about a skill; `skills show` says it."""
    counts = [(len(warnings), "warning"), (len(problems), "broken rule")]
    return ", ".join(plural(number, word) for number, word in counts if number)


class Chosen(NamedTuple):
    """A revision that was asked for."""

    run: str
    skill: str
    revision: Revision


def rows(state: LibraryState) -> list[SkillRow]:
    """List every revision, oldest run first."""
    return [
        SkillRow(
            skill=skill.name,
            run=run,
            trial=each.trial,
            revision=each.revision,
            in_force=each is skill.in_force,
            imported=each.provenance is None,
            files=tuple(file.name for file in each.files),
            at=each.at,
            warnings=each.warnings,
            problems=each.problems,
        )
        for run, library in state.runs.items()
        for skill in library.skills.values()
        for each in skill.revisions
    ]


async def load(desk: OpenedLog) -> list[SkillRow]:
    """List what a log holds."""
    return rows(await fold(desk.log, Library()))


async def choose(desk: OpenedLog, text: str) -> Chosen:
    """Find the skill a person means: ``NAME``, the latest of that name, or ``RUN:NAME``.

    Raises:
        IdUnknown, IdAmbiguous: There is none, or several.
    """
    run, colon, name = text.rpartition(":")
    selection = Selection(run=await find_run(desk.log, run) if colon else None)
    state = await fold(desk.log, Library(), selection)
    names = sorted({name for library in state.runs.values() for name in library.skills})
    matches = [name] if name in names else [each for each in names if each.startswith(name)]
    if not matches:
        raise IdUnknown(text, "skill", names)
    if matches[1:]:
        raise IdAmbiguous(text, matches)
    holder, library = [(run, each) for run, each in state.runs.items() if matches[0] in each.skills][-1]
    return Chosen(holder, matches[0], library.skills[matches[0]].in_force)


async def read(desk: OpenedLog, chosen: Chosen) -> SkillText:
    """Read a skill's files."""
    texts = {file.name: await text_of(desk.log, file.digest) for file in chosen.revision.files}
    return _text(chosen, texts)


def _text(chosen: Chosen, texts: dict[str, str]) -> SkillText:
    revision = chosen.revision
    return SkillText(chosen.skill, chosen.run, revision.revision, texts, revision.warnings, revision.problems)


async def tell(desk: OpenedLog, text: str) -> None:
    """Print a skill; what is to be said about it goes to people, and not into the text.

    Raises:
        IdUnknown, IdAmbiguous: There is none, or several.
    """
    row = await read(desk, await choose(desk, text))
    for word in (*row.warnings, *row.problems):
        desk.screen.say(Text(f"warning  {word}", style="dim"))
    desk.screen.draw(row, render_text)


async def export(desk: OpenedLog, chosen: Chosen, folder: Path) -> ExportedSkill:
    """Write a skill's folder below another, with its provenance beside it.

    Raises:
        UsageWrong: It is there already, or a file of it would end up elsewhere.
    """
    target = folder / chosen.skill
    if await AsyncPath(target).exists():
        raise UsageWrong(f"{target} already exists", remedy="remove it, or choose another folder")
    for file in chosen.revision.files:
        if PurePosixPath(file.name).is_absolute() or ".." in PurePosixPath(file.name).parts:
            raise UsageWrong(
                f"the skill references a file outside its folder: {file.name}", remedy="do not use this skill"
            )
    for file in chosen.revision.files:
        await AsyncPath(target / file.name).parent.mkdir(parents=True, exist_ok=True)
        await AsyncPath(target / file.name).write_bytes(await desk.log.get(file.digest))
    side = None
    if chosen.revision.provenance is not None:
        side = folder / f"{chosen.skill}.provenance.json"
        await AsyncPath(side).write_bytes(await desk.log.get(chosen.revision.provenance))
    names = tuple(file.name for file in chosen.revision.files)
    return ExportedSkill(chosen.skill, str(target), names, None if side is None else str(side))


async def heads(log: EventLog, run: str) -> list[SkillText]:
    """Read the SKILL.md of each skill a run led to, as the summary shows them."""
    state = await fold(log, Library(), Selection(run=run))
    found = [skill for library in state.runs.values() for skill in library.skills.values()]
    return [
        _text(Chosen(run, skill.name, skill.in_force), {first.name: await text_of(log, first.digest)})
        for skill in found
        for first in skill.in_force.files[:1]
    ]


SKILLS: Final = TableView(
    SkillRow,
    "skill…",
    (">revision", lambda row: row.revision or "imported"),
    "run… trial…",
    ("when", lambda row: when(row.at)[5:16]),
    ("warnings…", lambda row: _doubts(row.warnings, row.problems)),
    empty=Text("no skills yet: a solved trial produces one", style="dim"),
)


def render_text(row: SkillText) -> RenderableType:
    """Write a skill's files: the first as it is, others below their names."""
    parts: list[RenderableType] = []
    for number, (name, text) in enumerate(row.files.items()):
        parts += (
            [Text(text.rstrip("\n"))] if number == 0 else [Text(f"\n--- {name}", style="dim"), Text(text.rstrip("\n"))]
        )
    return Group(*parts)


EXPORTED: Final = RecordView(
    ExportedSkill,
    ("skill", lambda row: row.path),
    ("provenance", lambda row: row.provenance or "none: it was imported"),
)
