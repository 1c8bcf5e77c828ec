"""Settings of evolving a library of skills. The texts below the fields are the reference."""

from collections.abc import Mapping
from typing import ClassVar, Final, Literal, TypeAlias

import msgspec

from engine.config.spec import RunSpec
from engine.programs.evolve.authoring_spec import AuthoringSpec
from engine.programs.train.spec import GateSpec
from events.types.condition import FeedbackLevel
from events.types.evolution import LibraryScope

ArmValue: TypeAlias = str | int | float | bool
"""Of a field of an arm; ``"none"`` where it may be None."""
RetrievalMethod: TypeAlias = Literal["all", "bm25", "embedding", "model", "oracle"]


class RetrievalSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which skills of its library a trial is given."""

    method: RetrievalMethod = "all"
    """``all`` gives all that the filters leave; ``bm25`` ranks by words; ``embedding`` by the role ``embedder``;
    ``model`` asks the role ``chooser``; ``oracle`` gives compositions what they require, and else goes by words."""
    k: int = 8
    """Skills at most, 1 or more; ``all`` and ``oracle`` give what they give."""
    phase_aware: bool = True
    """Whether learning trials are given skills of their own family only, and others those of their environment."""
    family_boost: float = 0.0
    """Added to the score of skills of the task's own family, from 0 to 1; not for compositions."""


class MaintenanceSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes of skills by what was measured with them, once all trials of a library have ended."""

    retire: bool = False
    """Whether a skill is retired that failed at ``retire_at`` of its uses or more."""
    quarantine: bool = False
    """Whether a skill is given to nobody any more that failed at ``quarantine_at`` of its uses or more."""
    narrow: bool = False
    """Whether a skill is not retrieved any more in an environment in which alone it failed, twice or more."""
    rollback: bool = False
    """Whether a skill that was revised goes back to its revision before, where it failed at ``quarantine_at`` of its
    uses or more."""
    uses: int = 3
    """Trials of held-out tasks that read it, below which nothing is done; 1 or more."""
    retire_at: float = 0.7
    """From 0 to 1."""
    quarantine_at: float = 0.4
    """From 0 to 1."""


class EvolveArmSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One arm: how a library begins, what is learnt, and what the agent is given."""

    title: str = ""
    """What the arm is, in a few words."""
    skill_init: Literal["empty", "curated", "zero_shot"] = "empty"
    """What each family begins with: nothing, the skill of the suite, or a first draft of the author."""
    memory: Literal["none", "library", "trajectories", "history"] = "none"
    """What trials are given: nothing, skills of their library, the course of earlier trials of their family, or that of
    all earlier trials of their scope, the newest first."""
    learn: Literal["never", "fail_only", "always"] = "never"
    """After which learning trials the author is asked: none, those that failed, or all."""
    max_revisions: int | None = None
    """Revisions of a skill at most. None: no limit."""
    scope: LibraryScope = "environment"
    """Which tasks share a library: an ``environment``, a ``family`` or all of them (``global``)."""
    author_files: Literal["optional", "required"] = "optional"
    """Whether each revision has to have files beside ``SKILL.md`` (tier 3)."""
    feedback: FeedbackLevel = "none"
    """What the author is told of the verifier: ``none``, ``binary``, ``rich`` or ``process``. Traces that a solver is
    told say as much."""
    retrieval: RetrievalSpec = RetrievalSpec()
    replay: bool = False
    """Whether learning tasks are tried once more with the frozen library."""
    replay_evaluation: bool = False
    """With ``replay``: whether held-out tasks are, too."""
    oracle_t6: bool = False
    """Whether compositions are tried once more with exactly the skills that they require."""
    author: Literal["host", "session"] = "host"
    """Who writes skills: the author, once a trial has ended, or the session of the solver itself, resumed."""
    traces: int = 3
    """Earlier trials that are told at most, with ``trajectories``; 1 or more."""
    budget_chars: int = 32_000
    """Characters of traces that an author, or a solver, is told at most; 1 or more."""
    freeze_after: int | None = None
    """Learning trials of a library after which it is frozen; the others are still tried. None: all of them."""
    gate: GateSpec = GateSpec()
    """Gate on what the author writes; see docs/gates.md. With an empty name there is none. It tries the learning tasks
    of the family so far."""
    maintenance: MaintenanceSpec = MaintenanceSpec()
    success: float = 1.0
    """Reward from which on a trial is solved."""


class CustomArm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An arm of your own."""

    base: str = ""
    """Another arm, one that stillroom brings or of your own. Empty: an arm whose fields all have their defaults."""
    set: dict[str, ArmValue] = {}
    """Fields that differ from it, by their keys below ``evolve.resolved.<arm>``, such as ``"retrieval.k"``."""


class EvolveSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What only evolving knows."""

    path_keys: ClassVar = frozenset({"suite"})

    suite: str = ""
    """Folder of the suite. Where ``tasks`` is not set, its tasks are those of the suite."""
    order: str | tuple[str, ...] = "A"
    """Order of environments that share a library: ``A``, ``B`` or ``C``, as SkillEvolBench has them, or all of
    them by name."""
    arms: tuple[str, ...] = ()
    """Arms, by name: of those that stillroom brings, or of ``custom``."""
    custom: dict[str, CustomArm] = {}
    """Arms of your own, by name."""
    change: dict[str, ArmValue] = {}
    """Fields that are changed in every arm, such as ``freeze_after`` or ``"retrieval.k"``."""
    repeats: int = 1
    """How often each arm is gone through; 1 or more."""
    environments: tuple[str, ...] = ()
    """Part of the suite. Empty: all environments."""
    families: tuple[str, ...] = ()
    """Part of the suite. Empty: all families."""
    author: Literal["", "solver"] = ""
    """``solver``: the solver's model writes skills, too. Empty: ``models.author`` has to name one where an arm needs
    it."""
    authoring: AuthoringSpec = AuthoringSpec()
    attempts: int = 1
    """Judged attempts of a trial, in place of ``method.attempts``; 1 or more. With more than one the agent learns of
    failed tests within a trial."""
    tries: int = 2
    """How often a trial whose infrastructure fails is begun, at most; 1 or more."""
    resolved: dict[str, EvolveArmSpec] = {}
    """Every arm with all its fields, as they were read when the run began. It is written then, and is no setting; a
    `what-if` may change a field of one arm here."""


SOLVER: Final = "solver"
"""Role of the model that tries tasks; in cells it speaks as the teacher does."""
AUTHOR_ROLE: Final = "author"
"""Role of the model that writes skills."""
CHOOSER: Final = "chooser"
"""Role of the model that chooses skills for a task."""
EMBEDDER: Final = "embedder"
"""Role of the model that embeds texts, by which skills are ranked."""
ROLES: Final[Mapping[str, str | None]] = {
    SOLVER: None,
    AUTHOR_ROLE: None,
    CHOOSER: None,
    EMBEDDER: None,
    "teacher": SOLVER,
    "reflector": "teacher",
    "distiller": None,
    "judge": None,
}
OUTSIDE: Final = frozenset({SOLVER, AUTHOR_ROLE, CHOOSER, EMBEDDER})
"""Roles that do not speak in cells: no condition of a cell names their models."""


def evolve_spec(spec: RunSpec) -> EvolveSpec:
    """Give the program's settings of a spec."""
    return msgspec.convert(spec.own, EvolveSpec)


def arm_of_spec(spec: RunSpec) -> EvolveArmSpec:
    """Give the settings of the arm that a spec is of, as streams of its libraries have it."""
    settings = evolve_spec(spec)
    return settings.resolved[settings.arms[0]]
