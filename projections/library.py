"""The library: which skills there are, in which revision, and what became of candidates.

Skills of a run's own library are told by run. A library that is named is one view across runs: its revisions stand in
the order in which they came, whichever run accepted them. A library that a run evolves has a stream, which is named
after it, and is one for each run. Only that stream changes it: a stream has one writer, so such a library has one, too.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias, assert_never

import msgspec

from events.base import Recorded, Ref
from events.digest import Digest, Fingerprint, digest_of
from events.streams import LIBRARY, TRAIN
from events.types.evolution import SkillNarrowed, SkillQuarantined, snapshot_digest
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
    SkillRolledBack,
)
from events.types.training import CandidateMade, ChangeOrigin, SkillAccepted
from events.values import NamedDigest
from projections.base import Blobs
from projections.library_changes import ForeignChange, Narrowing, Rollback

HEAD: Final = "SKILL.md"
_DOCUMENT_TIER: Final = 2
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

    def tier(self, number: int) -> tuple[NamedDigest, ...]:
        """Give the files of a tier: 2 is ``SKILL.md``, whose front matter is tier 1; 3 are all others."""
        return tuple(each for each in self.files if (each.name == HEAD) == (number <= _DOCUMENT_TIER))

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
    """Why none of them is in force any more. None: one is."""
    quarantined: str | None = None
    """Why it is given to nobody, though it is in force. None: it is given."""
    narrowed: list[Narrowing] = []
    rollbacks: list[Rollback] = []
    """In the order in which they came."""
    back_at: int | None = None
    """Revision that is in force again since a rollback. None: the last one that was accepted is."""

    @property
    def latest(self) -> Revision:
        """The revision in force; of a skill that was retired, the last one that was."""
        if self.back_at is None:
            return self.revisions[-1]
        return next((each for each in reversed(self.revisions) if each.revision == self.back_at), self.revisions[-1])

    @property
    def excluded(self) -> tuple[str, ...]:
        """Environments in which it is given no more, sorted."""
        return tuple(sorted({each for narrowing in self.narrowed for each in narrowing.exclude}))

    def lineage(self, digest: Fingerprint) -> tuple[Revision, ...]:
        """Give a revision, by the digest of its folder, and those that it was made from, the first one first."""
        found: list[Revision] = []
        wanted: Fingerprint | None = digest
        for each in reversed(self.revisions):
            if wanted is not None and each.digest == wanted:
                found.append(each)
                wanted = each.parent
        return tuple(reversed(found))


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


class FrozenLibrary(msgspec.Struct, frozen=True, kw_only=True):
    """A state of a library, as it was frozen."""

    run: str
    stream: str
    version: int
    """Place of the event."""
    at: int
    """When: microseconds since 1970, UTC."""
    skills: tuple[SkillInForce, ...]
    """By name."""

    @property
    def digest(self) -> Fingerprint:
        """Of names and folders: the same for the same content, whatever run and time it is of."""
        return snapshot_digest((each.skill, each.digest) for each in self.skills)


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
    snapshots: list[FrozenLibrary] = []
    """Each state that was frozen, in the order in which they came."""

    @property
    def snapshot(self) -> Fingerprint:
        """Digest of what is in force now, as that of a `FrozenLibrary`."""
        return snapshot_digest((each.skill, each.digest) for each in self.in_force())

    def given(self, environment: str | None = None) -> tuple[SkillInForce, ...]:
        """List the skills that may be given to a task, by name: in force, not quarantined, and not narrowed away.

        Args:
            environment: Of the task. None: of any.
        """
        kept_out = {each.name for each in self.skills.values() if each.quarantined or environment in each.excluded}
        return tuple(each for each in self.in_force() if each.skill not in kept_out)

    def in_force(self) -> tuple[SkillInForce, ...]:
        """List the skills in force, by name."""
        alive = sorted((each for each in self.skills.values() if each.retired is None), key=lambda each: each.name)
        return tuple(SkillInForce(each.name, each.latest.revision, each.latest.digest) for each in alive)


class LibraryState(msgspec.Struct):
    """All libraries."""

    runs: dict[str, SkillLibrary] = {}
    """By run: its own."""
    named: dict[str, SkillLibrary] = {}
    """By name: those that several runs may have changed; and those that a run evolves, as ``RUN:COURSE/SCOPE``."""
    foreign: list[ForeignChange] = []
    """Changes that were not applied, in the order in which they came."""


def folder_digest(files: tuple[NamedDigest, ...]) -> Fingerprint:
    """Digest of a skill's folder: of its files, by path and content."""
    return Fingerprint(digest_of(_encoder.encode(tuple(sorted(files, key=lambda each: each.name)))))


def frozen_digest(skills: tuple[SkillInForce, ...]) -> Fingerprint:
    """Digest of a library as it is frozen."""
    return Fingerprint(digest_of(_encoder.encode(skills)))


class Library:
    """The projection."""

    name = "library"
    revision = 4
    tags: frozenset[str] | None = frozenset(
        {
            "skill.revised",
            "skill.refused",
            "skill.imported",
            "skill.proposed",
            "skill.rejected",
            "skill.retired",
            "skill.quarantined",
            "skill.narrowed",
            "skill.rolled_back",
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
                _add(_own(state, recorded), event.skill, None, _imported(event, recorded))
            case SkillRefused() as event:
                _own(state, recorded).refused.append(_refused(event, recorded))
            case CandidateMade() | SkillAccepted() as event:
                _train(_own(state, recorded), event, recorded)
            case SkillRevised() | SkillProposed() | SkillRejected() | SkillRetired() | LibraryFrozen() as event:
                library = _library(state, recorded, event.library)
                if library is not None:
                    _change(library, event, recorded)
            case SkillQuarantined() | SkillNarrowed() | SkillRolledBack() as event:
                library = _library(state, recorded, event.library)
                if library is not None:
                    _maintain(library, event)
            case _:
                pass
        return state


_Change: TypeAlias = SkillRevised | SkillProposed | SkillRejected | SkillRetired | LibraryFrozen
_Maintenance: TypeAlias = SkillQuarantined | SkillNarrowed | SkillRolledBack


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
            place = recorded.stream
            library.snapshots.append(
                FrozenLibrary(
                    run=place.run, stream=place.name, version=recorded.version, at=recorded.at, skills=event.skills
                )
            )
        case _:
            assert_never(event)


def _maintain(library: SkillLibrary, event: _Maintenance) -> None:
    skill = library.skills.get(event.skill)
    if skill is None:
        return
    match event:
        case SkillQuarantined():
            skill.quarantined = event.reason
        case SkillNarrowed():
            skill.narrowed.append(Narrowing(event.exclude, event.reason))
        case SkillRolledBack():
            skill.rollbacks.append(Rollback(event.revision, event.to, event.reason))
            skill.back_at = event.to
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


def _own(state: LibraryState, recorded: Recorded) -> SkillLibrary:
    return state.runs.setdefault(recorded.stream.run, SkillLibrary())


def _library(state: LibraryState, recorded: Recorded, name: str | None) -> SkillLibrary | None:
    """Find the library that an event changes. None: it belongs to another stream, so nothing is changed."""
    if name is None:
        return _own(state, recorded)
    if not is_evolved(name):
        return state.named.setdefault(name, SkillLibrary())
    place = recorded.stream
    if place.name != f"{LIBRARY}/{name}":
        state.foreign.append(ForeignChange(place.run, place.name, recorded.version, name))
        return None
    return state.named.setdefault(library_key(place.run, name), SkillLibrary())


def is_evolved(name: str) -> bool:
    """Say whether a library is one that a run evolves: its name is ``COURSE/SCOPE``."""
    return "/" in name


def library_key(run: str, name: str) -> str:
    """Name a library that a run evolves among those of all runs."""
    return f"{run}:{name}"


def _add(library: SkillLibrary, name: str, of: str | None, revision: Revision) -> None:
    skill = library.skills.setdefault(name, Skill(name, of))
    skill.revisions.append(revision)
    skill.retired = skill.quarantined = skill.back_at = None


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
