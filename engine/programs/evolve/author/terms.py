"""What an author is given, and what comes of it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.config.spec import RunSpec
from engine.core.prompts import Prompts
from engine.effects.model_calls import Caller
from engine.programs.evolve.author.points import OfferedSkill, PastDecision
from events.digest import Digest
from events.types.authoring import TracedTrial
from events.types.suite import SuiteEnvironment, SuiteFamily, SuiteTask


class AuthorTerms(NamedTuple):
    """Whom to ask, and with which words."""

    callers: Sequence[Caller]
    """One for each run of the line, oldest first. For a session: whoever tried the task."""
    prompts: Prompts
    specs: Sequence[RunSpec]
    """Of the arm, one for each run of the line."""


class AuthorBrief(NamedTuple):
    """A family to write skills for."""

    environment: SuiteEnvironment
    family: SuiteFamily
    library: Mapping[str, Mapping[str, str]]
    """Texts of the library in force, of its whole scope: by skill, then by path below its folder."""
    owners: Mapping[str, str]
    """By skill the id of its family, of skills that are no more in force too."""
    trials: tuple[TracedTrial, ...] = ()
    """Learning trials of the family so far, the oldest first; the last one is learnt from now. Empty: a first draft."""
    targets: tuple[str, ...] = ()
    """Skills that it is pointed to."""
    history: tuple[PastDecision, ...] = ()
    """Earlier patches for the family, the oldest first."""
    refused: tuple[str, ...] = ()
    """Why what it wrote for the same trial before was refused. Empty: it is asked for the first time."""


class ChoiceBrief(NamedTuple):
    """A task to choose skills for."""

    task: SuiteTask
    query: Digest
    """Blob: the task's instruction."""
    skills: tuple[OfferedSkill, ...]
