"""Where skills come from, as a spec names it; pure.

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

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

LATEST: Final = "@latest"
PER_ITEM: Final = "per-item:"
_RUN: Final = "run:"
_LIBRARY: Final = "library:"


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


def anchored_source(text: str, anchor: Callable[[str], str]) -> str:
    """Give a source whose folder is named as a function says. A text that names none stays as it is."""
    try:
        source = read_source(text)
    except SourceMalformed:
        return text
    return source._replace(place=anchor(source.place)).text if source.kind == "folder" else text
