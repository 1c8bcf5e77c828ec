"""Facts about libraries of skills that are learnt, frozen and measured over a suite.

One stream ``library/<course>/<scope>`` for each library, a straight line with one writer. A course is an arm that is
gone through once; a scope says which tasks share a library. Skills themselves are told by the events of `skill`.
"""

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from events.base import Event, Ref
from events.digest import Digest, Fingerprint, digest_of
from events.types.decision import Decided
from events.types.suite import TaskRole
from events.values import NamedDigest, Ratio

LibraryScope: TypeAlias = Literal["environment", "family", "global"]
"""Which tasks share a library. environment: the families of an environment, which learn one after the other. family:
each family has its own. global: all of them, one environment after the other."""
TrialPass: TypeAlias = Literal["primary", "replay", "oracle", "gate"]
"""primary: a trial that counts. replay: the task once more, with the frozen library. oracle: the task with exactly the
skills that it requires. gate: the task with a candidate, so that a gate can decide on it."""
LearningAction: TypeAlias = Literal["nothing", "induce", "revise"]
"""nothing: the author is not asked. induce: a first skill of the family is written. revise: what there is, is
revised."""
SkillChange: TypeAlias = Literal["create", "revise", "retire"]
MaintenanceKind: TypeAlias = Literal["retire", "quarantine", "narrow", "rollback"]
LibraryEnding: TypeAlias = Literal["completed", "budget", "stopped"]
"""completed: every scheduled trial was begun. budget: nothing more could be paid for. stopped: an operator ended it."""
_encoder: Final = msgspec.json.Encoder(order="deterministic")


def snapshot_digest(skills: Iterable[tuple[str, Fingerprint]]) -> Fingerprint:
    """Digest of a state of a library: of its skills by name and the digests of their folders, and of nothing else."""
    return Fingerprint(digest_of(_encoder.encode(sorted(skills))))


class PlannedLibrary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A library that is to be learnt and measured."""

    course: str
    """Arm, and ``.r2`` and so on behind it where it is repeated."""
    arm: str
    scope: str
    """Its part of the suite: an environment, a family, or ``global``."""
    learning: int
    """Trials to learn from."""
    evaluation: int
    """Trials of held-out tasks."""
    replay: int
    """Further trials of tasks with the frozen library."""
    oracle: int
    """Further trials of compositions with exactly the skills that they require."""
    critical_trials: int
    """Trials of which each waits for the one before, at least."""
    critical_authors: int
    """Questions to the author on the same path."""


class EvolutionPlanned(Event, frozen=True, tag="evolution.planned"):
    """What a run goes through, as its suite and its arms say. In the run's stream."""

    suite: str
    release: str
    digest: Fingerprint
    """Of the suite."""
    order: tuple[str, ...]
    """Environments, in the order in which they are learnt where they share a library."""
    libraries: tuple[PlannedLibrary, ...]


class LibraryOpened(Event, frozen=True, tag="library.opened"):
    """A library begins, empty."""

    course: str
    arm: str
    repeat: int
    """From 1."""
    scope: str
    """As in `PlannedLibrary`."""
    shared: LibraryScope
    suite: str
    release: str
    digest: Fingerprint
    """Of the suite."""
    families: tuple[str, ...]
    """In the order in which they are learnt."""
    tasks: tuple[str, ...]
    """All that are scheduled, in the order of the suite."""


class SkillGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A skill that a trial is given."""

    skill: str
    digest: Fingerprint
    """Of its folder."""


class RetrievalMade(Decided, frozen=True, tag="retrieval.made"):
    """Skills were chosen for a trial; these are mounted, and no others."""

    task: str
    passing: TrialPass
    snapshot: Fingerprint
    """Digest of the state of the library that they were chosen from, as `snapshot_digest` has it."""
    skills: tuple[SkillGiven, ...]
    """In order of rank. Empty: the agent is told of skills, and there are none."""
    ranking: Digest
    """Blob: JSON list; every skill of the library with its score, and why it was left out."""
    how: str
    """Method of retrieval."""
    precision: float | None
    """Share of what was chosen that the task requires. None: it requires nothing by name."""
    recall: float | None
    """Share of what the task requires that was chosen. None: as for `precision`."""
    hit: bool | None
    """Whether all that it requires was chosen. None: as for `precision`."""
    missing: tuple[str, ...]
    """What it requires and the library does not hold."""
    problem: str
    """Why the method could not be asked, and what was done in its place. Empty: it could."""


class TracesChosen(Decided, frozen=True, tag="traces.chosen"):
    """Earlier trials were chosen whose course the agent is told."""

    task: str
    passing: TrialPass
    cells: tuple[str, ...]
    """Streams of their cells, in the order in which they are told. Empty: there is nothing to tell."""


class NoteWritten(Event, frozen=True, tag="note.written"):
    """What was chosen is told in these words, behind the task."""

    task: str
    passing: TrialPass
    note: Digest
    """Blob: the text."""
    dropped: Digest
    """Blob: JSON; what the text leaves out of what was chosen."""


class LearningChosen(Decided, frozen=True, tag="learning.chosen"):
    """Whether and what is learnt from a trial."""

    task: str
    action: LearningAction
    targets: tuple[str, ...]
    """Skills that the author is pointed to; it may edit any of the family."""
    reason: str


class PatchedSkill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A skill as a patch would leave it."""

    skill: str
    change: SkillChange
    files: tuple[NamedDigest, ...]
    """Blobs: every file of the folder, ``SKILL.md`` first. Empty: it would be retired."""
    parent: Fingerprint | None
    """Digest of the folder that it was made from. None: it is new."""


class PatchChecked(Decided, frozen=True, tag="patch.checked"):
    """What an author wrote was checked against the rules of the library."""

    task: str
    """From whose trial it was written; of a first draft, the family."""
    summary: str
    skills: tuple[PatchedSkill, ...]
    """Those that it changes, by name. Empty: it changes none, or is refused."""
    refusals: tuple[str, ...]
    """Why it cannot be applied. Empty: it can, or it changes nothing."""
    unchanged: bool
    """Whether it leaves every skill as it is."""


class RevisionRuled(Decided, frozen=True, tag="revision.ruled"):
    """It was decided whether a patch that can be applied is put in force."""

    task: str
    outcome: Literal["accept", "reject", "more"]
    """more: tasks are tried with and without it first."""
    reason: str
    run: tuple[str, ...]
    """Tasks that are tried next."""
    gate: str
    """Name of the gate. Empty: there is none, and every such patch is accepted."""


class FreezeChosen(Decided, frozen=True, tag="freeze.chosen"):
    """Whether the library is frozen after a learning trial."""

    task: str
    """The last one. Empty: none is to be learnt from."""
    frozen: bool
    reason: str


class SuiteTrialRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One trial, as `TrialsScored.rows` lists it: a JSON list of these."""

    task: str
    id: str
    """Within the suite, such as ``E1-LS1-T4``."""
    role: TaskRole
    family: str
    environment: str
    passing: TrialPass
    stream: str
    """Of its cell. Empty: it was not begun."""
    solved: bool | None
    """Whether its reward reaches what the arm calls success. None: it has no score."""
    reward: float | None
    """In the verifier's own unit. None: as for `solved`, or the verifier gives none."""
    reason: str | None
    """Why it has no score. None: it has one."""


class TrialsScored(Event, frozen=True, tag="trials.scored"):
    """Trials that were begun together have ended, and no more of them are begun again."""

    label: str
    """Of their cells."""
    snapshot: Fingerprint
    """State of the library that they were given skills from."""
    rows: Digest
    """Blob: JSON list of `SuiteTrialRow`, in the order in which they were scheduled."""
    planned: int
    scored: int
    solved: int


class SkillReadsAsked(Event, frozen=True, tag="reads.asked"):
    """Which skills the agent of a cell opened: an effect, so that a replay never reads the log again."""

    cell: str
    """Stream of the cell."""


class SkillReadsFound(Event, frozen=True, tag="reads.found"):
    """What is on record of it."""

    skills: tuple[str, ...]
    """In the order in which they were first read."""
    known: bool
    """Whether nothing can have been missed."""


class MaintainedSkill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of a skill once it was measured."""

    skill: str
    action: MaintenanceKind
    reason: str
    exclude: tuple[str, ...]
    """Of *narrow*: environments in which it is retrieved no more."""
    harm: Ratio
    """Failed uses of all."""
    uses: int
    """Trials that read it and have a score."""


class MaintenanceChosen(Decided, frozen=True, tag="maintenance.chosen"):
    """What becomes of the skills of a library, from what was measured with them."""

    skills: tuple[MaintainedSkill, ...]
    """Empty: all stay as they are."""


class SkillQuarantined(Event, frozen=True, tag="skill.quarantined"):
    """A skill stays in its library, and is given to nobody."""

    skill: str
    revision: int
    reason: str
    library: str


class SkillNarrowed(Event, frozen=True, tag="skill.narrowed"):
    """A skill is not retrieved any more for some tasks."""

    skill: str
    revision: int
    exclude: tuple[str, ...]
    """Environments."""
    reason: str
    library: str


class LibraryClosed(Event, frozen=True, tag="library.closed"):
    """Everything that was scheduled for a library has ended, or something ended it."""

    ending: LibraryEnding
    snapshot: Fingerprint
    """Its last state."""
    frozen: Ref | None
    """`LibraryFrozen`. None: it did not come to that."""
    planned: int
    """Trials that were scheduled: replays and oracles included, those of gates not."""
    scored: int
    """Those that have a score."""
    infrastructure: int
    """Those whose infrastructure failed; they are no score."""
    unbegun: int
    """Those that were not begun, or were stopped, or could not be paid for."""
