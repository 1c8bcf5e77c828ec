"""Points of decision of a library's course: how it goes, what is learnt, when it is frozen, what is put in force.

Which skills a trial is given has a module of its own (`retrieval_points`), and so has what is read from an author's
answers.
"""

from typing import Any, Final, Literal, TypeAlias

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import Point
from engine.policies.gates.registry import gate_settings
from engine.policies.library.patch import PatchRule
from engine.programs.evaluate.points import CellScore
from engine.programs.evolve.patch_rule import patch_rule
from engine.programs.evolve.schedule import is_line
from engine.programs.evolve.spec import arm_of_spec, evolve_spec
from engine.programs.skill_scan import ScannedTask
from engine.programs.train.edit_points import NamedText
from events.types.decision import Held, Seen
from events.types.evolution import (
    FreezeChosen,
    LearningAction,
    LearningChosen,
    PatchChecked,
    PatchedSkill,
    RevisionRuled,
    SkillGiven,
    TracesChosen,
    TrialPass,
)
from events.types.suite import TaskPhase, TaskRole

Memory: TypeAlias = Literal["none", "library", "trajectories", "history"]
_encoder: Final = msgspec.json.Encoder(order="deterministic")

# -- how a library goes -----------------------------------------------------------------------------------------------


class ScheduledTask(msgspec.Struct, frozen=True):
    """A task of a library."""

    task: str
    family: str
    role: TaskRole
    phase: TaskPhase


class OpenedSeen(msgspec.Struct, frozen=True):
    """Of `LibraryOpened`."""

    tasks: tuple[str, ...]


class LibraryTermsSaw(msgspec.Struct, frozen=True):
    """A library that begins."""

    opened: Seen[OpenedSeen]
    tasks: tuple[ScheduledTask, ...]
    """The same tasks, as the suite has them."""


class LibraryTermsRule(msgspec.Struct, frozen=True):
    """What its arm is."""

    skill_init: Literal["empty", "curated", "zero_shot"]
    memory: Memory
    learns: bool
    line: bool
    author: Literal["host", "session"]
    replay: bool
    replay_evaluation: bool
    oracle: bool
    maintains: bool


class FrozenTrial(msgspec.Struct, frozen=True):
    """A trial that is made with a frozen library."""

    task: str
    passing: TrialPass


class LibraryTerms(msgspec.Struct, frozen=True):
    """How it goes."""

    skill_init: Literal["empty", "curated", "zero_shot"]
    memory: Memory
    learns: bool
    """Whether it is decided after each learning trial what is learnt."""
    line: bool
    """Whether learning trials wait for each other."""
    author: Literal["host", "session"]
    measured: tuple[FrozenTrial, ...]
    """Once it is frozen, in the order of the suite: what counts, then replays, then oracles."""
    maintains: bool
    """Whether it is decided at the end what becomes of its skills."""


def _library_terms(spec: RunSpec, saw: LibraryTermsSaw) -> LibraryTermsRule:
    del saw
    arm = arm_of_spec(spec)
    upkeep = arm.maintenance
    return LibraryTermsRule(
        skill_init=arm.skill_init,
        memory=arm.memory,
        learns=arm.learn != "never",
        line=is_line(arm),
        author=arm.author,
        replay=arm.replay,
        replay_evaluation=arm.replay_evaluation,
        oracle=arm.oracle_t6,
        maintains=upkeep.retire or upkeep.quarantine or upkeep.narrow or upkeep.rollback,
    )


LIBRARY_TERMS: Final = Point(
    name="library_terms",
    revision=1,
    saw=LibraryTermsSaw,
    settings=LibraryTermsRule,
    ruling=LibraryTerms,
    decisive=("skill_init", "memory", "learns", "line", "author", "measured", "maintains"),
    steers=True,
    rule=_library_terms,
)

# -- trials that have ended -------------------------------------------------------------------------------------------


class TrialsEndedSaw(msgspec.Struct, frozen=True):
    """Trials that were begun together."""

    cells: Held
    """JSON list of `CellSaw`, in the order in which they were scheduled; the latest of each."""
    time: int
    """How often those without a score were begun, from 1."""


class TriesRule(msgspec.Struct, frozen=True):
    """How often a trial is begun."""

    tries: int


class TrialsEnding(msgspec.Struct, frozen=True):
    """What is done next."""

    then: Literal["use", "again", "pause", "budget", "stopped"]
    """use: go on with the scores there are. again: begin some once more. pause: wait for a person, since the
    infrastructure failed for all of them. budget, stopped: the library ends here."""
    again: tuple[int, ...]
    """Their places, from 0. Empty unless some are begun again."""
    reason: str


def _tries(spec: RunSpec, saw: TrialsEndedSaw) -> TriesRule:
    del saw
    return TriesRule(evolve_spec(spec).tries)


TRIALS_ENDED: Final = Point(
    name="trials_ended",
    revision=1,
    saw=TrialsEndedSaw,
    settings=TriesRule,
    ruling=TrialsEnding,
    decisive=("then", "again"),
    steers=True,
    rule=_tries,
)

# -- traces that a trial is told of -----------------------------------------------------------------------------------


class PastTrial(msgspec.Struct, frozen=True):
    """A learning trial of the same library that has a score."""

    cell: str
    """Its stream."""
    task: str
    family: str


class PastTrialsSaw(msgspec.Struct, frozen=True):
    """A trial, and those before it."""

    task: str
    family: str
    trials: tuple[PastTrial, ...]
    """The oldest first."""


class ChosenTracesRule(msgspec.Struct, frozen=True):
    """Whose course is told."""

    memory: Memory
    k: int


class ChosenTraces(msgspec.Struct, frozen=True):
    """Those that are."""

    cells: tuple[str, ...]
    """The oldest first."""


def _traces_rule(spec: RunSpec, saw: PastTrialsSaw) -> ChosenTracesRule:
    del saw
    arm = arm_of_spec(spec)
    return ChosenTracesRule(arm.memory, arm.traces)


TRACES: Final = Point(
    name="traces",
    revision=1,
    saw=PastTrialsSaw,
    settings=ChosenTracesRule,
    ruling=ChosenTraces,
    decisive=("cells",),
    steers=True,
    rule=_traces_rule,
    events=(TracesChosen,),
)

# -- learning ---------------------------------------------------------------------------------------------------------


class OwnedSkill(msgspec.Struct, frozen=True):
    """A skill of the family, in force."""

    skill: str
    revisions: int
    """How often it was revised since it was written first."""


class SkillReadsSeen(msgspec.Struct, frozen=True):
    """Of `SkillReadsFound`."""

    skills: tuple[str, ...]


class GivenSeen(msgspec.Struct, frozen=True):
    """Of `RetrievalMade`."""

    skills: tuple[SkillGiven, ...]


class LearningSaw(msgspec.Struct, frozen=True):
    """A learning trial that has ended."""

    task: str
    role: TaskRole
    score: Seen[CellScore]
    owned: tuple[OwnedSkill, ...]
    """By name."""
    reads: Seen[SkillReadsSeen]
    """Skills that the agent opened."""
    given: Seen[GivenSeen]


class LearningRule(msgspec.Struct, frozen=True):
    """When the author is asked."""

    learn: Literal["never", "fail_only", "always"]
    induces: bool
    """Whether a family without a skill is written one."""
    max_revisions: int | None


class LearningChoice(msgspec.Struct, frozen=True):
    """Whether it is, and for what."""

    action: LearningAction
    targets: tuple[str, ...]
    reason: str


def _learning_rule(spec: RunSpec, saw: LearningSaw) -> LearningRule:
    del saw
    arm = arm_of_spec(spec)
    return LearningRule(arm.learn, arm.skill_init == "empty", arm.max_revisions)


LEARNING: Final = Point(
    name="learning",
    revision=1,
    saw=LearningSaw,
    settings=LearningRule,
    ruling=LearningChoice,
    decisive=("action", "targets"),
    steers=True,
    rule=_learning_rule,
    events=(LearningChosen,),
)

# -- patches ----------------------------------------------------------------------------------------------------------


class OwnerOfSkill(msgspec.Struct, frozen=True):
    """Whose a skill is, be it in force or not."""

    skill: str
    family: str


class LibraryPatchSaw(msgspec.Struct, frozen=True):
    """A patch that came."""

    patch: Held
    """JSON, as its author gave it."""
    library: tuple[NamedText, ...]
    """Every file of the library in force, as ``<skill>/<path>``."""
    owners: tuple[OwnerOfSkill, ...]
    family: str
    expected: tuple[ScannedTask, ...]
    """Tasks whose answers no skill may hold."""


class CheckedSkills(msgspec.Struct, frozen=True):
    """What it comes to."""

    summary: str
    skills: tuple[PatchedSkill, ...]
    refusals: tuple[str, ...]
    unchanged: bool


def _patch_rule(spec: RunSpec, saw: LibraryPatchSaw) -> PatchRule:
    return patch_rule(spec, saw.family)


PATCH: Final = Point(
    name="patch",
    revision=1,
    saw=LibraryPatchSaw,
    settings=PatchRule,
    ruling=CheckedSkills,
    decisive=("skills", "refusals", "unchanged"),  # why it is refused is told to the author
    steers=True,
    rule=_patch_rule,
    events=(PatchChecked,),
)

# -- what is put in force ---------------------------------------------------------------------------------------------


class CheckedSeen(msgspec.Struct, frozen=True):
    """Of `PatchChecked`."""

    skills: tuple[PatchedSkill, ...]


class RevisionSaw(msgspec.Struct, frozen=True):
    """A patch that can be applied, with all that was run of it so far."""

    checked: Seen[CheckedSeen]
    tasks: tuple[str, ...]
    """Learning tasks of the family so far, which a gate may have tried."""
    before: Held | None
    """What came of them without the patch: JSON list of `CellSaw`. None: nothing was run."""
    parts: tuple[Held, ...]
    """The same with it, in the order in which it was asked for."""


class RevisionRule(msgspec.Struct, frozen=True):
    """Which gate rules, and how."""

    gate: str
    """Empty: none."""
    settings: str
    """Of that gate, as canonical JSON."""


class RevisionRuling(msgspec.Struct, frozen=True):
    """What becomes of it."""

    outcome: Literal["accept", "reject", "more"]
    reason: str
    run: tuple[str, ...]
    gate: str


def _revision_rule(spec: RunSpec, saw: RevisionSaw) -> RevisionRule:
    del saw
    gate = arm_of_spec(spec).gate
    if not gate.name:
        return RevisionRule("", "")
    return RevisionRule(gate.name, _encoder.encode(gate_settings(gate.name, gate.settings)).decode())


REVISION: Final = Point(
    name="revision",
    revision=1,
    saw=RevisionSaw,
    settings=RevisionRule,
    ruling=RevisionRuling,
    decisive=("outcome", "run", "reason"),  # which is told to the author
    steers=True,
    rule=_revision_rule,
    events=(RevisionRuled,),
)

# -- the freeze -------------------------------------------------------------------------------------------------------


class FreezeSaw(msgspec.Struct, frozen=True):
    """A place at which a library may be frozen."""

    task: str
    """The learning trial that has ended. Empty: none has."""
    done: int
    """Learning trials of the library that have ended."""
    stretch_done: int
    """Of those, trials of this environment, or of this family."""
    stretch_planned: int


class FreezeRule(msgspec.Struct, frozen=True):
    """When it is."""

    line: bool
    after: int | None


class FreezeChoice(msgspec.Struct, frozen=True):
    """Whether it is."""

    frozen: bool
    reason: str


def _freeze_rule(spec: RunSpec, saw: FreezeSaw) -> FreezeRule:
    del saw
    arm = arm_of_spec(spec)
    return FreezeRule(is_line(arm), arm.freeze_after)


FREEZE: Final = Point(
    name="freeze",
    revision=1,
    saw=FreezeSaw,
    settings=FreezeRule,
    ruling=FreezeChoice,
    decisive=("frozen",),
    steers=True,
    rule=_freeze_rule,
    events=(FreezeChosen,),
)

POINTS: Final[tuple[Point[Any, Any, Any], ...]] = (
    LIBRARY_TERMS,
    TRIALS_ENDED,
    TRACES,
    LEARNING,
    PATCH,
    REVISION,
    FREEZE,
)
