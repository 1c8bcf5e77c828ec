"""What is known of runs that evolve libraries: the state of the projection of evolution."""

from typing import Literal, TypeAlias

import msgspec

from events.base import Ref
from events.digest import Digest, Fingerprint
from events.types.evolution import (
    LearningAction,
    LibraryClosed,
    LibraryScope,
    MaintainedSkill,
    PlannedLibrary,
    SuiteTrialRow,
    TrialPass,
)
from events.types.optimizing import OptimizerEnding
from events.types.suite import Suite, TaskRole

PatchStanding: TypeAlias = Literal["open", "unchanged", "refused", "rejected", "applied"]
"""open: not decided so far. unchanged: it leaves every skill as it is. refused: it broke a rule of the library.
rejected: a gate turned it down. applied: it is in force."""


class SuiteTrial(msgspec.Struct, kw_only=True):
    """One trial, with what it was given."""

    row: SuiteTrialRow
    given: tuple[str, ...] | None = None
    """Names of the skills that were mounted. None: nothing says."""


class RetrievedSkills(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen for a trial."""

    task: str
    passing: TrialPass
    skills: tuple[str, ...]
    """By name."""
    how: str
    snapshot: Fingerprint
    at: Ref


class PatchRecord(msgspec.Struct, kw_only=True):
    """Something that an author wrote."""

    task: str
    """From whose trial; of a first draft, the family."""
    action: LearningAction | None
    """What the author was asked for. None: a first draft, which no trial led to."""
    at: Ref
    standing: PatchStanding
    skills: tuple[str, ...]
    """That it would change."""
    refusals: tuple[str, ...]
    gate: str = ""
    reason: str = ""


class LearnedSkill(msgspec.Struct, kw_only=True):
    """A skill of a library."""

    skill: str
    family: str | None = None
    """Id of the family it was written for. None: nothing says."""
    revisions: int = 0
    retired: str | None = None
    """Why. None: it is not."""
    quarantined: str | None = None
    """Why. None: it is not."""
    narrowed: tuple[str, ...] = ()
    """Environments in which it is given to nobody."""


class EvolvedLibrary(msgspec.Struct, kw_only=True):
    """A library, learnt and measured."""

    course: str
    arm: str
    repeat: int
    scope: str
    shared: LibraryScope
    suite: str
    release: str
    digest: Fingerprint
    families: tuple[str, ...]
    tasks: tuple[str, ...]
    trials: dict[str, SuiteTrial] = {}
    """By pass and task, in the order in which they were scored. Those of gates are not among them."""
    retrieved: list[RetrievedSkills] = []
    patches: list[PatchRecord] = []
    unread: list[OptimizerEnding] = []
    """How each question to the author ended of which no patch was read."""
    skills: dict[str, LearnedSkill] = {}
    asked: LearningAction | None = None
    """What was last decided to be learnt. None: nothing so far."""
    frozen: Ref | None = None
    """`LibraryFrozen`. None: not so far."""
    frozen_skills: tuple[str, ...] = ()
    maintained: tuple[MaintainedSkill, ...] = ()
    rollbacks: int = 0
    closed: LibraryClosed | None = None
    """None: it has not ended."""


class TrialReads(msgspec.Struct, kw_only=True):
    """What the agent of a trial read of its skills, over all its attempts."""

    steps: list[tuple[str, ...]] = []
    """Skills of which bytes were read, by command, in order; within a command nobody knows the order. An installed
    agent's run is one command; what it reads of every skill by itself says nothing."""
    missed: bool = False
    """Whether something may have been read that nobody saw."""


class GroupRecord(msgspec.Struct, frozen=True):
    """What the verifier of an attempt said by groups of its checks."""

    outcome: bool | None
    """Whether what the agent left is right. None: nothing is said of it."""
    process: bool | None
    """Whether it was come to as it should be. None: nothing is said of it."""
    passed: bool | None
    """Whether every group that there is passed whole: our own reading of success. None: there is no group."""


class EvolvedRun(msgspec.Struct, kw_only=True):
    """One run."""

    suite: Digest | None = None
    """Blob: JSON; the suite as it was read. None: it was not."""
    families: dict[str, str] = {}
    """Id of the family of each task by its name, and of each family by the name of its skill's folder."""
    environments: dict[str, str] = {}
    """Id of its environment by that of each family."""
    roles: dict[str, TaskRole] = {}
    """By task."""
    required: dict[str, tuple[str, ...]] = {}
    """By task, ids of the skills that it requires, in the order in which they are applied; empty ones are left out."""
    planned: tuple[PlannedLibrary, ...] = ()
    libraries: dict[str, EvolvedLibrary] = {}
    """By stream."""
    groups: dict[str, GroupRecord] = {}
    """By trial, of its last verification."""
    reads: dict[str, TrialReads] = {}
    """By trial."""


class EvolutionState(msgspec.Struct):
    """All runs that evolve libraries."""

    runs: dict[str, EvolvedRun] = {}


def families_of(suite: Suite) -> dict[str, str]:
    """List the families of a suite by their tasks, and by the folders of their skills."""
    return {each.slug: each.id for each in suite.families} | {each.task: each.family for each in suite.tasks}


def required_of(suite: Suite) -> dict[str, tuple[str, ...]]:
    """List what each task of a suite requires, by its name."""
    return {each.task: each.order or each.required_skills for each in suite.tasks if each.required_skills}
