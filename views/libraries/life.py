"""The life of a skill of a library, from the first trial that its author was told of to its retirement."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from events.base import Event, Recorded
from events.store.base import Selection
from events.streams import AUTHOR, RETRIEVE, library_stream
from events.types.authoring import AuthorClosed
from events.types.evolution import (
    LearningChosen,
    PatchChecked,
    RetrievalMade,
    RevisionRuled,
    SkillNarrowed,
    SkillQuarantined,
    TrialsScored,
)
from events.types.skill import (
    LibraryFrozen,
    SkillProposed,
    SkillRejected,
    SkillRetired,
    SkillRevised,
    SkillRolledBack,
)
from projections.exposure import Exposure
from projections.library import Skill
from views.libraries.evolved import (
    ScoredSuiteTrial,
    WrittenRevision,
    family_of,
    read_by,
    rows_in,
    score_places,
    trial_in,
    written_revisions,
)
from views.terminal.format import plural, short, when
from views.terminal.ids import place_in
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView

_TAGS: Final = frozenset(
    {
        *("author.closed", "learning.chosen", "library.frozen", "patch.checked", "retrieval.made", "revision.ruled"),
        *("skill.narrowed", "skill.proposed", "skill.quarantined", "skill.rejected", "skill.retired", "skill.revised"),
        *("skill.rolled_back", "trials.scored"),
    }
)


_READ: Final[Mapping[Exposure | None, str]] = {
    "yes": "; the skill was read",
    "no": "; the skill was not read",
    "unknown": "; nobody knows whether the skill was read",
    None: "",
}


class SkillLifeRow(msgspec.Struct, frozen=True, tag_field="row", tag="skill_life"):
    """A step in the life of a skill of a library that a run evolves."""

    skill: str
    run: str
    library: str
    """``COURSE/SCOPE``."""
    step: int
    """From 1, in the order of the log."""
    what: str
    """``trial``, ``learning``, ``answer``, ``check``, ``proposal``, ``ruling``, ``in force``, ``rejected``, ``given``,
    ``frozen``, ``quarantined``, ``narrowed``, ``rolled back`` or ``retired``."""
    revision: int | None
    """In force after it; of a trial, the one that it was given. None: none was in force."""
    task: str
    """That the step is about. Empty: it is about none."""
    told: str
    """What happened."""
    at: int
    """Microseconds since 1970, UTC."""
    why: str
    """What `why` and `show` take."""


async def tell(desk: OpenedLog, skill: Skill) -> None:
    """Tell the life of a skill, step by step."""
    rows = await life_rows(desk, skill)
    desk.screen.show(rows, SKILL_LIFE)


async def life_rows(desk: OpenedLog, skill: Skill) -> list[SkillLifeRow]:
    """List the steps of a skill's life, in the order of the log."""
    assert skill.library is not None, "only skills of libraries have one"
    run, revisions = skill.latest.run, await written_revisions(desk.log, skill)
    life = _Life(skill, revisions, await score_places(desk.log, run), await read_by(desk.log, run))
    course, _, scope = skill.library.partition("/")
    streams = (library_stream(course, scope), f"{AUTHOR}/{skill.library}/", f"{RETRIEVE}/{skill.library}/")
    async for each in desk.log.read(Selection(run=run, tags=set(_TAGS))):
        if each.stream.name == streams[0] or each.stream.name.startswith(streams[1:]):
            rows = await rows_in(desk.log, each.event.rows) if isinstance(each.event, TrialsScored) else ()
            life.take(each, rows)
    return life.rows


class _Life:
    """A life as it is read."""

    def __init__(
        self,
        skill: Skill,
        revisions: Sequence[WrittenRevision],
        places: Mapping[str, int],
        reads: Mapping[str, Mapping[str, Exposure]],
    ) -> None:
        self._skill = skill
        self._reads = reads
        self._family = family_of(revisions)
        self._places = places
        self._numbers = {each.revision.digest: each.revision.revision for each in revisions}
        self._given: dict[tuple[str, str], int] = {}
        """By task and passing, the revision that it was given last."""
        self._families: dict[str, str] = {}
        """By task."""
        self._now: int | None = None
        self.rows: list[SkillLifeRow] = []

    def take(self, recorded: Recorded, rows: Sequence[ScoredSuiteTrial]) -> None:
        """Take an event in, with the table that it names."""
        event = recorded.event
        match event:
            case RetrievalMade():
                self._retrieved(event)
            case TrialsScored():
                for row in rows:
                    self._trial(recorded, row)
            case LearningChosen() if self._is_own(event.task):
                targets = f" ({', '.join(event.targets)})" if event.targets else ""
                self._add(recorded, "learning", f"{event.action}{targets}: {event.reason}", event.task)
            case AuthorClosed() if self._is_own(recorded.stream.name.rpartition("/")[2]):
                told = event.reason or event.ending
                self._add(recorded, "answer", told, recorded.stream.name.rpartition("/")[2])
            case PatchChecked() if self._concerns(event):
                self._add(recorded, "check", _checked(event), event.task)
            case RevisionRuled() if self._is_own(event.task):
                by = f"gate {event.gate}: " if event.gate else ""
                self._add(recorded, "ruling", f"{by}{event.outcome}: {event.reason}", event.task)
            case _:
                self._own_event(recorded)

    def _own_event(self, recorded: Recorded) -> None:
        """Take in an event that names the skill."""
        event = recorded.event
        if isinstance(event, LibraryFrozen):
            if any(each.skill == self._skill.name for each in event.skills):
                self._add(recorded, "frozen", f"with {plural(len(event.skills), 'skill')} in force")
        elif getattr(event, "skill", None) == self._skill.name:
            what, told, self._now = _told_of(event, self._now)
            if what:
                self._add(recorded, what, told)

    def _is_own(self, task: str) -> bool:
        """Say whether a task, or a first draft by its family's id, is of the skill's family."""
        return bool(self._family) and self._families.get(task, task) == self._family

    def _concerns(self, event: PatchChecked) -> bool:
        named = any(each.skill == self._skill.name for each in event.skills)
        return named or (not event.skills and self._is_own(event.task))

    def _retrieved(self, event: RetrievalMade) -> None:
        given = next((each for each in event.skills if each.skill == self._skill.name), None)
        number = None if given is None else self._numbers.get(given.digest)
        if number is None:
            self._given.pop((event.task, event.passing), None)
        else:
            self._given[event.task, event.passing] = number

    def _trial(self, recorded: Recorded, row: ScoredSuiteTrial) -> None:
        """Tell of a trial that was given the skill; before there is one, of those of its family."""
        self._families[row.task] = row.family
        number = self._given.get((row.task, row.passing))
        early = self._now is None and not self._began and row.family == self._family
        if number is None and not early:
            return
        passing = "" if row.passing == "primary" else f", {row.passing}"
        what = "trial" if number is None else "given"
        read = _READ[self._reads.get(trial_in(row.stream), {}).get(self._skill.name)]
        told = f"{row.task} ({row.role}{passing}) {row.outcome}{read if number is not None else ''}"
        version = self._places.get(row.stream)
        why = "" if version is None else place_in(recorded.stream.run, row.stream, version)
        self._add(recorded, what, told, row.task)
        self.rows[-1] = msgspec.structs.replace(self.rows[-1], revision=number, why=why or self.rows[-1].why)

    @property
    def _began(self) -> bool:
        return any(each.what == "in force" for each in self.rows)

    def _add(self, recorded: Recorded, what: str, told: str, task: str = "") -> None:
        assert self._skill.library is not None
        place = recorded.stream
        self.rows.append(
            SkillLifeRow(
                skill=self._skill.name,
                run=place.run,
                library=self._skill.library,
                step=len(self.rows) + 1,
                what=what,
                revision=self._now,
                task=task,
                told=told,
                at=recorded.at,
                why=place_in(place.run, place.name, recorded.version),
            )
        )


def _told_of(event: Event, now: int | None) -> tuple[str, str, int | None]:
    """Say what an event did to a skill, in a word and in more of them, and which revision is in force after it."""
    match event:
        case SkillProposed():
            return "proposal", f"{event.origin}, {plural(len(event.files), 'file')}", now
        case SkillRejected():
            return "rejected", "; ".join(event.reasons), now
        case SkillRevised():
            return "in force", f"revision {event.revision}, {event.origin or 'distilled'}", event.revision
        case SkillRolledBack():
            return "rolled back", f"from {event.revision} to {event.to}: {event.reason}", event.to
        case SkillRetired():
            return "retired", event.reason, None
        case _:
            return *_kept_back(event), now


def _kept_back(event: Event) -> tuple[str, str]:
    """Say of a skill that stays in force how it is kept back. Empty: it is not."""
    match event:
        case SkillQuarantined():
            return "quarantined", event.reason
        case SkillNarrowed():
            return "narrowed", f"not for {', '.join(event.exclude)}: {event.reason}"
        case _:
            return "", ""


def _checked(event: PatchChecked) -> str:
    if event.refusals:
        return f"refused: {' '.join(event.refusals)}"
    return f"unchanged: {event.summary}" if event.unchanged else event.summary


def _notes(rows: Sequence[SkillLifeRow]) -> Iterator[RenderableType]:
    if rows:
        yield Text(f"skill {rows[0].skill} of the library {rows[0].library}, run {short(rows[0].run)}", style="dim")
        yield Text(f"next  stillroom why {rows[-1].why} · --json has it for each step", style="dim")


SKILL_LIFE: Final = TableView(
    SkillLifeRow,
    ">step",
    "what",
    (">revision", lambda row: "" if row.revision is None else str(row.revision)),
    "told…",
    ("when", lambda row: when(row.at)[5:16]),
    ("why…", lambda row: row.why.partition(":")[2]),
    empty=Text("nothing is on record of it", style="dim"),
    notes=_notes,
)
