"""Where the skills of an arm come from, as a spec names it; pure.

========================  ==========================================================================================
``FOLDER``                a folder of skills, or a folder that is itself one
``run:RUN``               every skill in force in the library of a run
``run:RUN/NAME``          one of them, by its name, or by the trial or task whose success it was distilled from
``run:RUN/NAME@2``        revision 2 of it, whether it is still in force or not
``library:NAME``          every skill in force in a library that is named, whichever runs changed it
``library:NAME/SKILL@2``  as for a run
``per-item:SOURCE``       each task is given its own: of a folder, what stands below the task's name; of a run, what was
                          distilled from the task
========================  ==========================================================================================

A run is named by its id, by the beginning of one, or ``@latest``: the latest run that accepted a skill. A folder whose
name begins like one of these is written with ``./`` before it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

from msgspec.structs import replace

from engine.config.errors import ConfigProblem
from engine.programs.evaluate.spec import EvaluateSpec

LATEST: Final = "@latest"
PER_ITEM: Final = "per-item:"
_RUN: Final = "run:"
_LIBRARY: Final = "library:"
_AXIS: Final = "skills"
"""Of a grid."""


class SkillSource(NamedTuple):
    """A source of skills."""

    kind: Literal["folder", "run", "library"]
    place: str
    """Path, run, or name of the library."""
    skill: str = ""
    """Name of one skill in it, or of the trial or task that it was distilled from. Empty: all that are in force."""
    revision: int | None = None
    """Number of its revision. None: the one in force."""
    per_item: bool = False
    """Whether each task is given its own."""

    @property
    def text(self) -> str:
        """The source as a spec names it."""
        prefix = {"folder": "", "run": _RUN, "library": _LIBRARY}[self.kind]
        skill = f"/{self.skill}" if self.skill else ""
        revision = "" if self.revision is None else f"@{self.revision}"
        return f"{PER_ITEM if self.per_item else ''}{prefix}{self.place}{skill}{revision}"


class SourceMalformed(ValueError):
    """A text names no source."""


def read_source(text: str) -> SkillSource:
    """Read a source as a spec names it.

    Raises:
        SourceMalformed: It names none; the message says why.
    """
    per_item, rest = text.startswith(PER_ITEM), text.removeprefix(PER_ITEM)
    if rest.startswith(_RUN):
        source = _within("run", rest.removeprefix(_RUN))
    elif rest.startswith(_LIBRARY):
        source = _within("library", rest.removeprefix(_LIBRARY))
    else:
        source = SkillSource("folder", rest)
    if not source.place:
        raise SourceMalformed(f"{text!r} names no {source.kind}")
    if per_item and source.skill:
        raise SourceMalformed(f"{text!r} names one skill, and each task is to have its own")
    return source._replace(per_item=per_item)


def _within(kind: Literal["run", "library"], text: str) -> SkillSource:
    place, slash, named = text.partition("/")
    if not slash:
        if "@" in place.removeprefix(LATEST):
            raise SourceMalformed(f"'{kind}:{text}' numbers a revision of no skill")
        return SkillSource(kind, place)
    skill, at, number = named.partition("@")
    if not skill or (at and not (number.isascii() and number.isdigit())):
        raise SourceMalformed(f"'{kind}:{text}' names no skill, or no number of a revision")
    return SkillSource(kind, place, skill, int(number) if at else None)


def source_problems(name: str, settings: EvaluateSpec) -> Iterator[ConfigProblem]:
    """Complain about sources of an arm that cannot be read, or be given to what is evaluated."""
    arm = settings.arms[name]
    if settings.items.folder and (arm.skills or "").startswith(PER_ITEM):
        problem = f"arm {name} gives each task its own skill, and questions have none"
        remedy = "evaluate tasks alone: leave evaluate.items out, or give all items the same skills"
        yield ConfigProblem("the spec", f"evaluate.arms.{name}.skills", problem, remedy)
    for key, text in [("skills", arm.skills), *(("beside", each) for each in arm.beside)]:
        if key == "skills" and not text:
            continue
        problem, remedy = _problem_of(key, text or "")
        if problem:
            yield ConfigProblem("the spec", f"evaluate.arms.{name}.{key}", f"arm {name}: {problem}", remedy)


def _problem_of(key: str, text: str) -> tuple[str, str]:
    remedy = "write a folder, run:RUN, run:RUN/SKILL@REVISION, library:NAME, or per-item: and one of these"
    try:
        source = read_source(text)
    except SourceMalformed as error:
        return str(error), remedy
    if key == "beside" and source.per_item:
        return f"{text!r} gives each task its own", "give all tasks the same skills beside: leave per-item: out"
    return "", ""


def runs_named(settings: EvaluateSpec) -> Iterator[str]:
    """List the runs that the arms of an evaluation, or its grid, have skills from."""
    for text in _sources(settings):
        source = read_source(text)
        if source.kind == "run":
            yield source.place


def renamed(settings: EvaluateSpec, runs: Mapping[str, str]) -> EvaluateSpec:
    """Name each run that skills come from otherwise.

    Args:
        settings: As they are written; each source can be read.
        runs: By what they are called.
    """

    def settled(value: Any) -> Any:
        source = read_source(value) if value and isinstance(value, str) else None
        return value if source is None or source.kind != "run" else source._replace(place=runs[source.place]).text

    arms = {
        name: replace(arm, skills=settled(arm.skills), beside=tuple(map(settled, arm.beside)))
        for name, arm in settings.arms.items()
    }
    grid = {key: tuple(map(settled, values)) if key == _AXIS else values for key, values in settings.grid.items()}
    return replace(settings, arms=arms, grid=grid)


def _sources(settings: EvaluateSpec) -> Iterator[str]:
    for arm in settings.arms.values():
        yield from (each for each in (arm.skills, *arm.beside) if each)
    yield from (each for each in settings.grid.get(_AXIS, ()) if each and isinstance(each, str))
