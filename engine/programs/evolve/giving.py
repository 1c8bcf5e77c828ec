"""What trials are given: skills of a state of the library, or the course of earlier trials, or nothing."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from engine.core.decision import Made
from engine.core.errors import EngineError
from engine.programs.evolve import points
from engine.programs.evolve.choosing_skills import chooser_of
from engine.programs.evolve.course import GivenTrial, LibraryCourse
from engine.programs.evolve.held_skills import LibrarySkill, LibrarySnapshot
from engine.programs.evolve.retrieving import (
    HeldSkill,
    RetrievalRequest,
    RetrievalTerms,
    retrieve_all,
)
from engine.programs.evolve.spec import CHOOSER, EMBEDDER
from engine.programs.evolve.trace_notes import note_of, tell_traces
from events.base import Ref
from events.digest import Digest, Fingerprint
from events.streams import RETRIEVE, retrieve_stream
from events.types.authoring import TracedTrial
from events.types.condition import SkillRef
from events.types.decision import Seen
from events.types.evolution import NoteWritten, TracesChosen, TrialPass
from events.types.suite import SuiteTask


class LibraryChanged(EngineError):
    """Raised when a trial that is measured would be given a skill that is not as its library was frozen.

    Attributes:
        library: Its name.
        skill: Which.
    """

    def __init__(self, library: str, skill: str) -> None:
        super().__init__(
            f"the skill {skill} of the library {library} is not what it was when the library was frozen",
            remedy="report it: nothing of a run changes a frozen library",
        )
        self.library = library
        self.skill = skill


class WantedTrial(NamedTuple):
    """A trial that is to be given something."""

    task: SuiteTask
    passing: TrialPass
    snapshot: LibrarySnapshot
    """State of the library that it is given skills from."""
    what: str = ""
    """As in `GivenTrial`."""


async def give(course: LibraryCourse, wanted: Sequence[WantedTrial]) -> list[GivenTrial]:
    """Decide what trials are given; models that rank or choose for several of them are asked side by side.

    Raises:
        LibraryEnds: There is no money left, or an operator ended it.
        Stopped: An operator ended it.
    """
    match course.terms.memory:
        case "library":
            return await _skills(course, wanted)
        case "trajectories" | "history":
            return [await _traces(course, each) for each in wanted]
        case "none":
            return [GivenTrial(each.task, each.passing, each.what, course.base()) for each in wanted]


async def _skills(course: LibraryCourse, wanted: Sequence[WantedTrial]) -> list[GivenTrial]:
    requests = [_request(course, each) for each in wanted]
    retrieved = await retrieve_all(course.scope, requests, _terms(course))
    found: list[GivenTrial] = []
    for each, ruled in zip(wanted, retrieved, strict=True):
        condition = course.with_skills(each.snapshot, [one.skill for one in ruled.value.skills])
        require_frozen(course.name, each.snapshot, condition.skills or ())
        given = Seen(ruled.seen, points.GivenSeen(ruled.value.skills))
        found.append(GivenTrial(each.task, each.passing, each.what, condition, given))
    return found


def require_frozen(library: str, snapshot: LibrarySnapshot, skills: Sequence[SkillRef]) -> None:
    """See that skills are, byte for byte, those of a state of the library.

    Raises:
        LibraryChanged: One is not.
    """
    known = {each.skill: each.digest for each in snapshot.skills}
    for skill in skills:
        if _folder(skill) != known.get(skill.name):
            raise LibraryChanged(library, skill.name)


def _folder(skill: SkillRef) -> Fingerprint:
    return LibrarySkill(skill.name, "", "", 1, skill.files, {}, Ref("", 0)).digest


def _request(course: LibraryCourse, wanted: WantedTrial) -> RetrievalRequest:
    held = [
        HeldSkill(each.skill, each.family, each.environment, each.digest, each.texts, each.narrowed)
        for each in wanted.snapshot.given
    ]
    instruction, library = course.suite.scanned[wanted.task.task].instruction.text, course.library
    stream = retrieve_stream(library.course, library.scope, wanted.task.task, wanted.what)
    return RetrievalRequest(wanted.task, instruction, wanted.passing, wanted.snapshot.digest, held, stream)


def _terms(course: LibraryCourse) -> RetrievalTerms:
    """Say whom to ask for skills; all retrievals of a library pay on one account."""
    account = f"{RETRIEVE}/{course.name}"
    terms = course.author_terms(CHOOSER, account)
    embedders = course.plan.callers(course.library.arm, EMBEDDER, account)
    return RetrievalTerms(embedders, chooser_of(terms) if terms.callers else None)


async def _traces(course: LibraryCourse, wanted: WantedTrial) -> GivenTrial:
    """Tell a trial of earlier ones."""
    scope, task = course.scope, wanted.task
    past = {each.cell: each for each in course.learnt}
    saw = points.PastTrialsSaw(
        task.task,
        task.family,
        tuple(points.PastTrial(cell, each.task.task, each.task.family) for cell, each in past.items()),
    )

    def says(ruling: points.ChosenTraces, made: Made) -> TracesChosen:
        del made
        return TracesChosen(task.task, wanted.passing, ruling.cells)

    cells = (await scope.decide(points.TRACES, saw, says)).value.cells
    if not cells:
        return GivenTrial(task, wanted.passing, wanted.what, course.base())
    note, dropped = await _worded(
        course, tuple(TracedTrial(each, past[each].task.task, past[each].task.role) for each in cells)
    )
    await scope.record(NoteWritten(task.task, wanted.passing, note, dropped))
    return GivenTrial(task, wanted.passing, wanted.what, replace(course.base(), note=note))


async def _worded(course: LibraryCourse, trials: tuple[TracedTrial, ...]) -> tuple[Digest, Digest]:
    """Word trials, once for all that are told of the same ones."""
    if trials not in course.notes:
        worded = (await tell_traces(course.scope, trials)).worded.value
        text = await note_of(course.scope, course.plan.prompts, worded)
        course.notes[trials] = course.scope.put(text.encode()), worded.dropped
    return course.notes[trials]
