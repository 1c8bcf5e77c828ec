"""The library: which skills a run has led to, in which revision, and what was refused."""

from typing import assert_never

import msgspec

from events.base import Recorded
from events.digest import Digest
from events.types.skill import SkillImported, SkillRefused, SkillRevised
from events.values import NamedDigest
from projections.base import Blobs


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted state of a skill."""

    revision: int
    """From 1; 0 for an imported skill, which nobody of ours accepted."""
    trial: str
    """The trial whose success was distilled."""
    files: tuple[NamedDigest, ...]
    """Blobs: every file of the folder, ``SKILL.md`` first."""
    provenance: Digest | None
    """Blob: which events each claim rests on. None: imported, so nothing says."""
    warnings: tuple[str, ...]
    """What is doubtful about an accepted skill."""
    problems: tuple[str, ...]
    """Which rules an imported skill breaks; an accepted one breaks none."""
    at: int
    """When: microseconds since 1970, UTC."""
    version: int
    """Place of the event in the trial's stream."""


class Skill(msgspec.Struct):
    """One skill."""

    name: str
    revisions: list[Revision] = []
    """In the order in which they came; the last one is in force."""

    @property
    def in_force(self) -> Revision:
        """The latest revision."""
        return self.revisions[-1]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A distillation that led to no skill."""

    skill: str
    trial: str
    answer: Digest | None
    """Blob: the last answer. None: there was none."""
    problems: tuple[str, ...]
    version: int
    """Place of the event in the trial's stream."""


class RunLibrary(msgspec.Struct):
    """What one run has led to."""

    skills: dict[str, Skill] = {}
    """By name."""
    refused: list[Refusal] = []
    """In the order in which they came; a skill may have been accepted since."""


class LibraryState(msgspec.Struct):
    """All libraries, by run."""

    runs: dict[str, RunLibrary] = {}


class Library:
    """The projection."""

    name = "library"
    revision = 1
    tags: frozenset[str] | None = frozenset({"skill.revised", "skill.refused", "skill.imported"})

    def initial(self) -> LibraryState:
        """No skills."""
        return LibraryState()

    def state_type(self) -> type[LibraryState]:
        """For snapshots."""
        return LibraryState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Nothing but the events: files are read when they are shown or exported."""
        del recorded
        return ()

    def apply(self, state: LibraryState, recorded: Recorded, blobs: Blobs) -> LibraryState:
        """Fold one event in."""
        del blobs
        match recorded.event:
            case SkillRevised() | SkillImported() as event:
                skills = _library(state, recorded).skills
                skills.setdefault(event.skill, Skill(event.skill)).revisions.append(_revision(event, recorded))
            case SkillRefused() as event:
                refusal = Refusal(
                    skill=event.skill,
                    trial=_trial(recorded),
                    answer=event.answer,
                    problems=event.problems,
                    version=recorded.version,
                )
                _library(state, recorded).refused.append(refusal)
            case _:
                pass
        return state


def _library(state: LibraryState, recorded: Recorded) -> RunLibrary:
    return state.runs.setdefault(recorded.stream.run, RunLibrary())


def _trial(recorded: Recorded) -> str:
    return recorded.stream.name.partition("/")[2]


def _revision(event: SkillRevised | SkillImported, recorded: Recorded) -> Revision:
    match event:
        case SkillRevised():
            return Revision(
                revision=event.revision,
                trial=_trial(recorded),
                files=event.files,
                provenance=event.provenance,
                warnings=event.warnings,
                problems=(),
                at=recorded.at,
                version=recorded.version,
            )
        case SkillImported():
            return Revision(
                revision=0,
                trial=_trial(recorded),
                files=event.files,
                provenance=None,
                warnings=(),
                problems=event.problems,
                at=recorded.at,
                version=recorded.version,
            )
        case _:
            assert_never(event)
