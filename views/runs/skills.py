"""Skills as they were distilled or imported: listed, shown, and written out as folders."""

from pathlib import Path, PurePosixPath
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from anyio import Path as AsyncPath
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.fold import fold
from engine.policies.scan.hidden_text import written_out
from events.store.base import EventLog, Selection
from projections.library import Candidate, Library, LibraryState, Revision, Skill, is_evolved
from replay.why.marks import DistilledSkill
from views.runs import skill_marks
from views.runs.show import text_of
from views.terminal.errors import IdAmbiguous, IdUnknown, UsageWrong
from views.terminal.format import plural, when
from views.terminal.ids import find_run
from views.terminal.log_access import OpenedLog
from views.terminal.screen import OutputStyle
from views.terminal.tables import RecordView, TableView

SkillStanding: TypeAlias = Literal[
    "in force", "quarantined", "replaced", "rolled back", "retired", "candidate", "rejected"
]


class SkillRow(msgspec.Struct, frozen=True):
    """A revision of a skill."""

    skill: str
    run: str
    trial: str
    """The trial whose success was distilled."""
    revision: int | None
    """From 1; 0 for an imported skill. None: a candidate, which was not accepted."""
    library: str | None
    """Library that it is of: one that several runs may have changed, or ``COURSE/SCOPE`` of its run. None: the run's
    own."""
    origin: str
    """``distilled``, ``written``, ``edited``, ``merged`` or ``imported``."""
    parent: str | None
    """Digest of the folder of the revision whose place it takes, or that it was made from. None: none."""
    digest: str
    """Of its folder."""
    state: SkillStanding
    in_force: bool
    """Whether it counts in its library, be it quarantined: it is the latest, or was rolled back to, and not retired."""
    imported: bool
    files: tuple[str, ...]
    at: int
    """Microseconds since 1970, UTC."""
    warnings: tuple[str, ...]
    problems: tuple[str, ...]
    """Which rules an imported skill breaks; of a candidate, why it was rejected."""


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
    marks: tuple[skill_marks.MarkRow, ...] | None = None
    """Which lines and sections have text of the trial, word for word, as `blame` prints them. None: no text of a trial
    is on record."""


class ExportedSkill(msgspec.Struct, frozen=True):
    """A skill that was written out."""

    skill: str
    path: str
    files: tuple[str, ...]
    provenance: str | None
    """File that says which events each claim rests on; it is no part of the skill. None: there is none."""
    trained_by: str | None
    """Run that trained it, whose events say what each edit rests on. None: it was not trained."""


def _doubts(row: SkillRow) -> str:
    """Count what is to be said about a skill, which `skills show` says; of a candidate, say why it was rejected."""
    if row.revision is None:
        return "; ".join(row.problems)
    counts = [(len(row.warnings), "warning"), (len(row.problems), "broken rule")]
    return ", ".join(plural(number, word) for number, word in counts if number)


class Chosen(NamedTuple):
    """A revision that was asked for."""

    run: str
    skill: str
    revision: Revision


def rows(state: LibraryState) -> list[SkillRow]:
    """List every revision, oldest run first."""
    libraries = [*((None, each) for each in state.runs.values()), *state.named.items()]
    found = [
        _revision_row(skill, each)
        for _, some in libraries
        for skill in some.skills.values()
        for each in skill.revisions
    ]
    return found + [
        _candidate_row(library_name(key), each)
        for key, some in libraries
        for each in some.candidates
        if each.accepted is None
    ]


def library_name(key: str | None) -> str | None:
    """Give the name of a library by its key; one that a run evolves is named within that run."""
    return key if key is None or not is_evolved(key) else key.partition(":")[2]


def standing_of(skill: Skill, each: Revision) -> SkillStanding:
    """Say what counts of an accepted revision today."""
    if each is skill.latest:
        if skill.retired is not None:
            return "retired"
        return "in force" if skill.quarantined is None else "quarantined"
    return "rolled back" if any(back.revision == each.revision for back in skill.rollbacks) else "replaced"


def _revision_row(skill: Skill, each: Revision) -> SkillRow:
    state = standing_of(skill, each)
    return SkillRow(
        skill=skill.name,
        run=each.run,
        trial=each.trial,
        revision=each.revision,
        library=skill.library,
        origin=each.origin,
        parent=each.parent,
        digest=each.digest,
        state=state,
        in_force=state in ("in force", "quarantined"),
        imported=each.provenance is None and not each.trained,
        files=tuple(file.name for file in each.files),
        at=each.at,
        warnings=each.warnings,
        problems=each.problems,
    )


def _candidate_row(library: str | None, each: Candidate) -> SkillRow:
    return SkillRow(
        skill=each.skill,
        run=each.run,
        trial=each.stream.partition("/")[2],
        revision=None,
        library=library,
        origin=each.origin,
        parent=each.parent,
        digest=each.digest,
        state="candidate" if each.rejected is None else "rejected",
        in_force=False,
        imported=False,
        files=tuple(file.name for file in each.files),
        at=each.at,
        warnings=(),
        problems=each.rejected or (),
    )


async def load(desk: OpenedLog) -> list[SkillRow]:
    """List what a log holds."""
    return rows(await fold(desk.log, Library()))


async def skill_names(log: EventLog) -> list[str]:
    """List the names of all skills of a log, in alphabetical order."""
    state = await fold(log, Library(), Selection())
    return sorted({name for each in (*state.runs.values(), *state.named.values()) for name in each.skills})


async def choose(desk: OpenedLog, text: str) -> Chosen:
    """Find the skill a person means: ``NAME``, the latest of that name, ``RUN:NAME`` or ``LIBRARY/NAME``.

    A library that a run evolves is ``COURSE/SCOPE``, and of the latest run that has one, unless the run is named, too.
    ``@2`` behind any of these means the second revision, of the skill whose latest revision it would else be.

    Raises:
        IdUnknown, IdAmbiguous: There is none, or several.
    """
    skill, number = await choose_skill(desk, text)
    latest = skill.latest
    if number is None:
        return Chosen(latest.run, skill.name, latest)
    found = [each for each in skill.revisions if each.revision == number]
    if not found:
        raise IdUnknown(text, "revision", [f"{skill.name}@{each.revision}" for each in skill.revisions])
    return Chosen(found[-1].run, skill.name, found[-1])


class ChosenSkill(NamedTuple):
    """A skill that was asked for."""

    skill: Skill
    revision: int | None
    """That was named, from 0. None: none was."""


async def choose_skill(desk: OpenedLog, text: str) -> ChosenSkill:
    """Find the skill a person means, with all its revisions; see `choose`.

    Raises:
        IdUnknown, IdAmbiguous: There is none, or several.
    """
    run, colon, revised = text.rpartition(":")
    place, at, number = revised.rpartition("@")
    if not at or not (number.isascii() and number.isdigit()):
        place, number = revised, ""
    of, slash, name = place.rpartition("/")
    selection = Selection(run=await find_run(desk.log, run) if colon else None)
    state = await fold(desk.log, Library(), selection)
    named = [library for key, library in state.named.items() if of in (key, library_name(key))]
    if slash and not named:
        raise IdUnknown(of, "library", sorted({library_name(key) or key for key in state.named}))
    libraries = named if slash else [*state.runs.values(), *state.named.values()]
    names = sorted({name for library in libraries for name in library.skills})
    matches = [name] if name in names else [each for each in names if each.startswith(name)]
    if not matches:
        raise IdUnknown(text, "skill", names)
    if matches[1:]:
        raise IdAmbiguous(text, matches)
    found = max((each.skills[matches[0]] for each in libraries if matches[0] in each.skills), key=_when)
    return ChosenSkill(found, int(number) if number else None)


def _when(skill: Skill) -> int:
    return skill.latest.at


async def read(desk: OpenedLog, chosen: Chosen) -> SkillText:
    """Read a skill's files."""
    texts = {file.name: await text_of(desk.log, file.digest) for file in chosen.revision.files}
    return _text(chosen, texts)


def _text(chosen: Chosen, texts: dict[str, str]) -> SkillText:
    revision = chosen.revision
    return SkillText(chosen.skill, chosen.run, revision.revision, texts, revision.warnings, revision.problems)


async def marked(desk: OpenedLog, chosen: Chosen) -> skill_marks.MarkedSkill:
    """Say which lines of a skill have text of the trial that it was distilled in.

    Raises:
        BlobErased: A file of it was removed on purpose.
    """
    revision = chosen.revision
    files = {file.name: await desk.log.get(file.digest) for file in revision.files}
    skill = DistilledSkill(chosen.run, revision.trial, chosen.skill, revision.revision, files)
    return await skill_marks.load(desk.log, skill)


async def tell(desk: OpenedLog, text: str, *, marks: bool = False) -> None:
    """Print a skill; what is to be said about it goes to people, and not into the text.

    Args:
        desk: The log and the screen.
        text: Names the skill.
        marks: Print it line by line, with where the text of each line stands, too.

    Raises:
        IdUnknown, IdAmbiguous: There is none, or several.
        BlobErased: A file of it was removed on purpose.
    """
    chosen = await choose(desk, text)
    row, found = await read(desk, chosen), await marked(desk, chosen)
    for word in (*row.warnings, *row.problems):
        desk.screen.say(Text(f"warning  {word}", style="dim"))
    if desk.screen.manner is not OutputStyle.JSON:
        desk.screen.say(Text(skill_marks.summary(found), style="dim"))
    row = msgspec.structs.replace(row, marks=found.rows if found.compared else None)
    plain = render_visible if desk.machine.stdout.isatty() else render_text
    desk.screen.draw(row, (lambda told: skill_marks.annotated(told.files, found)) if marks else plain)


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
    trained = chosen.revision.run if chosen.revision.trained else None
    return ExportedSkill(chosen.skill, str(target), names, None if side is None else str(side), trained)


async def heads(log: EventLog, run: str) -> list[SkillText]:
    """Read the SKILL.md of each skill a run led to, as the summary shows them."""
    state = await fold(log, Library(), Selection(run=run))
    libraries = [*state.runs.values(), *state.named.values()]
    found = [skill for library in libraries for skill in library.skills.values() if skill.retired is None]
    return [
        _text(Chosen(run, skill.name, skill.latest), {first.name: await text_of(log, first.digest)})
        for skill in found
        for first in skill.latest.files[:1]
    ]


def _said_revision(row: SkillRow) -> str:
    """Number a revision, or say what it is instead; a library that is not the run's own is named."""
    number = row.state if row.revision is None else str(row.revision or "imported")
    told = f"{number}, {row.state}" if row.state in ("retired", "quarantined", "rolled back") else number
    return told if row.library is None else f"{told} in {row.library}"


SKILLS: Final = TableView(
    SkillRow,
    "skill…",
    ("revision", _said_revision),
    "run… trial…",
    ("when", lambda row: when(row.at)[5:16]),
    ("warnings…", _doubts),
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


def render_visible(row: SkillText) -> RenderableType:
    """Write a skill's files for a terminal, which acts on none of their characters."""
    files = {written_out(name): "\n".join(skill_marks.visible_lines(text)) for name, text in row.files.items()}
    return render_text(msgspec.structs.replace(row, files=files))


def _trained(row: ExportedSkill) -> str | None:
    if row.trained_by is None:
        return None
    return f"training run {row.trained_by}: `stillroom skills blame {row.skill}` has the edit behind each line"


EXPORTED: Final = RecordView(
    ExportedSkill,
    ("skill", lambda row: row.path),
    ("provenance", lambda row: row.provenance or _trained(row) or "none: it was imported"),
)
