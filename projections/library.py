"""The library: which skills there are, in which revision, and what became of candidates.

Skills of a run's own library are told by run. A library that is named is one view across runs: its revisions stand in
the order in which they came, whichever run accepted them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias, assert_never

import msgspec

from events.base import Recorded, Ref
from events.digest import Digest, Fingerprint, digest_of
from events.streams import TRAIN
from events.types.skill import (
    LibraryFrozen,
    SkillImported,
    SkillInForce,
    SkillOrigin,
    SkillProposed,
    SkillRefused,
    SkillRejected,
    SkillRetired,
    SkillRevised,
)
from events.types.training import CandidateMade, ChangeOrigin, SkillAccepted
from events.values import NamedDigest
from projections.base import Blobs

_encoder = msgspec.json.Encoder(order="deterministic")


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted state of a skill."""

    revision: int
    """From 1; 0 for an imported skill, which nobody of ours accepted."""
    run: str
    """The run that accepted it."""
    trial: str
    """The trial whose success was distilled, or the stream's own name behind its family; of a skill that was trained,
    the stream's name."""
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
    """Place of the event in its stream."""
    origin: SkillOrigin
    parent: Fingerprint | None
    """Digest of the folder of the revision whose place it takes. None: it takes none."""

    @property
    def digest(self) -> Fingerprint:
        """Digest of its folder."""
        return folder_digest(self.files)

    @property
    def trained(self) -> bool:
        """Whether a training accepted it: its own events say what it rests on."""
        return self.provenance is None and self.trial == TRAIN


class Skill(msgspec.Struct):
    """One skill of one library."""

    name: str
    library: str | None
    """None: the run's own."""
    revisions: list[Revision] = []
    """In the order in which they came."""
    retired: str | None = None
    """Why none of them is in force any more. None: the last one is."""

    @property
    def latest(self) -> Revision:
        """The latest revision, be it in force or retired."""
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


class Candidate(msgspec.Struct, kw_only=True):
    """A state of a skill that was proposed."""

    skill: str
    run: str
    stream: str
    version: int
    """Its place."""
    digest: Fingerprint
    """Of its folder."""
    files: tuple[NamedDigest, ...]
    at: int
    """When: microseconds since 1970, UTC."""
    parent: Fingerprint | None
    origin: SkillOrigin
    accepted: int | None = None
    """Revision that it became. None: none, so far."""
    rejected: tuple[str, ...] | None = None
    """Why it was rejected. None: it was not, so far."""


class SkillLibrary(msgspec.Struct):
    """One library."""

    skills: dict[str, Skill] = {}
    """By name."""
    candidates: list[Candidate] = []
    """In the order in which they were proposed."""
    refused: list[Refusal] = []
    """In the order in which they came; a skill may have been accepted since."""
    frozen: Fingerprint | None = None
    """Digest of the skills in force, since when nothing changes. None: it may change."""

    def in_force(self) -> tuple[SkillInForce, ...]:
        """List the skills in force, by name."""
        alive = sorted((each for each in self.skills.values() if each.retired is None), key=lambda each: each.name)
        return tuple(SkillInForce(each.name, each.latest.revision, each.latest.digest) for each in alive)


class LibraryState(msgspec.Struct):
    """All libraries."""

    runs: dict[str, SkillLibrary] = {}
    """By run: its own."""
    named: dict[str, SkillLibrary] = {}
    """By name: those that several runs may have changed."""


def folder_digest(files: tuple[NamedDigest, ...]) -> Fingerprint:
    """Digest of a skill's folder: of its files, by path and content."""
    return Fingerprint(digest_of(_encoder.encode(tuple(sorted(files, key=lambda each: each.name)))))


def frozen_digest(skills: tuple[SkillInForce, ...]) -> Fingerprint:
    """Digest of a library as it is frozen."""
    return Fingerprint(digest_of(_encoder.encode(skills)))


class Library:
    """The projection."""

    name = "library"
    revision = 3
    tags: frozenset[str] | None = frozenset(
        {
            "skill.revised",
            "skill.refused",
            "skill.imported",
            "skill.proposed",
            "skill.rejected",
            "skill.retired",
            "library.frozen",
            "candidate.made",
            "skill.accepted",
        }
    )

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
            case SkillImported() as event:
                _add(_library(state, recorded, None), event.skill, None, _imported(event, recorded))
            case SkillRefused() as event:
                _library(state, recorded, None).refused.append(_refused(event, recorded))
            case CandidateMade() | SkillAccepted() as event:
                _train(_library(state, recorded, None), event, recorded)
            case SkillRevised() | SkillProposed() | SkillRejected() | SkillRetired() | LibraryFrozen() as event:
                _change(_library(state, recorded, event.library), event, recorded)
            case _:
                pass
        return state


_Change: TypeAlias = SkillRevised | SkillProposed | SkillRejected | SkillRetired | LibraryFrozen


def _change(library: SkillLibrary, event: _Change, recorded: Recorded) -> None:
    match event:
        case SkillRevised():
            _add(library, event.skill, event.library, _revised(event, recorded))
            for each in _meant(library, recorded, event.candidate):
                each.accepted = event.revision
        case SkillProposed():
            library.candidates.append(_candidate(event, recorded))
        case SkillRejected():
            for each in _meant(library, recorded, event.candidate):
                each.rejected = event.reasons
        case SkillRetired():
            _retire(library, event)
        case LibraryFrozen():
            library.frozen = event.digest
        case _:
            assert_never(event)


_ORIGINS: Final[Mapping[ChangeOrigin, SkillOrigin]] = MappingProxyType(
    {"step": "edited", "rewrite": "written", "slow": "edited", "appendix": "edited"}
)


def _train(library: SkillLibrary, event: CandidateMade | SkillAccepted, recorded: Recorded) -> None:
    """Take in what becomes of a skill in training: of its run's own library."""
    if isinstance(event, CandidateMade):
        if event.origin == "placebo":
            return  # it tries the gate, and is no proposal
        library.candidates.append(
            Candidate(
                skill=event.skill,
                run=recorded.stream.run,
                stream=recorded.stream.name,
                version=recorded.version,
                digest=folder_digest(event.files),
                files=event.files,
                at=recorded.at,
                parent=event.parent,
                origin=_ORIGINS[event.origin],
            )
        )
        return
    _add(library, event.skill, None, _trained(event, recorded))
    for each in _meant(library, recorded, event.candidate):
        each.accepted = event.revision


def _trained(event: SkillAccepted, recorded: Recorded) -> Revision:
    return Revision(
        revision=event.revision,
        run=recorded.stream.run,
        trial=recorded.stream.name,
        files=event.files,
        provenance=None,
        warnings=(),
        problems=(),
        at=recorded.at,
        version=recorded.version,
        origin=_ORIGINS[event.origin],
        parent=event.parent,
    )


def _library(state: LibraryState, recorded: Recorded, name: str | None) -> SkillLibrary:
    if name is None:
        return state.runs.setdefault(recorded.stream.run, SkillLibrary())
    return state.named.setdefault(name, SkillLibrary())


def _add(library: SkillLibrary, name: str, of: str | None, revision: Revision) -> None:
    skill = library.skills.setdefault(name, Skill(name, of))
    skill.revisions.append(revision)
    skill.retired = None


def _retire(library: SkillLibrary, event: SkillRetired) -> None:
    skill = library.skills.get(event.skill)
    if skill is not None:
        skill.retired = event.reason


def _meant(library: SkillLibrary, recorded: Recorded, at: Ref | None) -> list[Candidate]:
    """Find the candidate that an event of a run means; a reference means an event of the same run."""
    if at is None:
        return []
    place = (recorded.stream.run, at.stream, at.version)
    return [each for each in library.candidates if (each.run, each.stream, each.version) == place]


def _trial(recorded: Recorded) -> str:
    return recorded.stream.name.partition("/")[2]


def _refused(event: SkillRefused, recorded: Recorded) -> Refusal:
    return Refusal(
        skill=event.skill,
        trial=_trial(recorded),
        answer=event.answer,
        problems=event.problems,
        version=recorded.version,
    )


def _candidate(event: SkillProposed, recorded: Recorded) -> Candidate:
    return Candidate(
        skill=event.skill,
        run=recorded.stream.run,
        stream=recorded.stream.name,
        version=recorded.version,
        digest=folder_digest(event.files),
        files=event.files,
        at=recorded.at,
        parent=event.parent,
        origin=event.origin,
    )


def _revised(event: SkillRevised, recorded: Recorded) -> Revision:
    return Revision(
        revision=event.revision,
        run=recorded.stream.run,
        trial=_trial(recorded),
        files=event.files,
        provenance=event.provenance,
        warnings=event.warnings,
        problems=(),
        at=recorded.at,
        version=recorded.version,
        origin=event.origin or "distilled",
        parent=event.parent,
    )


def _imported(event: SkillImported, recorded: Recorded) -> Revision:
    return Revision(
        revision=0,
        run=recorded.stream.run,
        trial=_trial(recorded),
        files=event.files,
        provenance=None,
        warnings=(),
        problems=event.problems,
        at=recorded.at,
        version=recorded.version,
        origin="imported",
        parent=None,
    )
