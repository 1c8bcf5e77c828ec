"""Settings of an evaluation: its arms, and how they are compared. The texts below the fields are the reference."""

from typing import ClassVar, Literal, TypeAlias

import msgspec

from engine.items.base import Split
from engine.items.points import RolloutSpec
from engine.policies.scan.settings import ScanSpec
from events.types.evaluation import Reuse
from events.types.item_set import SetPurpose

Scalar: TypeAlias = str | int | float | bool
WithoutSkill: TypeAlias = Literal["refuse", "leave_out", "none"]


class ItemsSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A set of items that is asked in place of tasks, or beside them."""

    path_keys: ClassVar = frozenset({"folder"})

    folder: str = ""
    """Folder of the set, with a file or a folder for each split. Empty: there is none."""
    format: str = "question"
    """Format of the set, such as ``question`` or one that an installed package registers; see docs/items.md."""
    split: Split = "all"
    """Which part: ``train``, ``val``, ``test`` or ``all``."""
    limit: int | None = None
    """The first so many items. None: all."""
    shuffle: int | None = None
    """Seed of the order of items. None: the order of the files."""
    exclude: tuple[str, ...] = ()
    """Names of items that are left out."""
    purpose: SetPurpose | None = None
    """What the set is for: ``train``, ``selection`` or ``test``. None: as the split says (``val`` is a selection set);
    of the split ``all`` nothing is said."""


class ArmSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One arm: the spec of the run with some settings changed. Without any, it is the run's own spec."""

    source_keys: ClassVar = frozenset({"beside", "skills"})

    skills: str | None = None
    """Where skills for the agent come from: a folder, ``run:RUN``, ``run:RUN/SKILL@REVISION``, ``library:NAME``, or
    ``per-item:`` and one of these, which gives each task its own; see docs/evaluate.md. Empty: the agent is given an
    empty folder. None: as ``agent.skills`` says."""
    beside: tuple[str, ...] = ()
    """Sources of further skills that stand beside them and belong to no item."""
    placebo: bool = False
    """Replace the text of the skills by neutral text of the same length, given the same way; not of those beside."""
    applies: str = ""
    """Regular expression: the skills are said to apply to items in whose name it finds something; where one is read for
    another item, that is a false trigger. It changes nothing that the agent is told. Empty: they apply to all."""
    without: int | None = None
    """Number, from 1, of the section of its skill that is left out of ``SKILL.md``; see `stillroom skills audit`. None:
    none is."""
    note: str = ""
    """Text that the agent is told after its instruction. Empty: nothing."""
    again: str = ""
    """Name of another arm whose condition this one repeats, with fresh runs (A/A): their difference is noise. Empty:
    it is a condition of its own."""
    agent: str = ""
    """Name of another agent. Empty: that of the run."""
    model: str = ""
    """Another teacher, as `stillroom run --model` takes it: ``openai/NAME``, ``script:FILE`` or the name of a model at
    the same address. Empty: that of the run."""
    set: dict[str, Scalar] = {}
    """Further settings by full key, below ``method``, ``agent`` or ``models``, such as ``"method.pdi.mode"``."""
    baseline: str = ""
    """Name of the arm that this one is compared with; its own name: it is compared with none, and scored. Empty: the
    baseline of the evaluation."""


class EvaluateSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What only evaluating knows."""

    baseline: str = "none"
    """Arm that the others are compared with. In a grid: the value of its axis ``contrast``, by its name; the first,
    where arms are not written out."""
    arms: dict[str, ArmSpec] = {}
    """Arms by name: the baseline and at least one more."""
    grid: dict[str, tuple[Scalar, ...]] = {}
    """Axes of a grid: every arm is made once for each combination of their values. An axis is a key of an arm, such as
    ``skills``, ``model`` or ``agent``, or one below ``method``, ``agent`` or ``models``, such as
    ``"method.pdi.mode"``."""
    contrast: str = ""
    """Axis along which the arms of a grid are compared, all else equal: ``arms`` or an axis of the grid. Empty: the
    arms that are written out; without any, ``skills``, or the only axis."""
    items: ItemsSpec = ItemsSpec()
    sets: dict[str, ItemsSpec] = {}
    """Further sets of questions by name: all arms are scored on all of them, and on each by itself."""
    rollout: RolloutSpec = RolloutSpec()
    purpose: SetPurpose | None = None
    """What the set of tasks is for: ``train``, ``selection`` or ``test``. None: nothing is said."""
    family: str = ""
    """Regular expression whose first group in an item's name is its family: items of a family are not independent.
    Empty: each item is."""
    without_skill: WithoutSkill = "refuse"
    """What becomes of a task for which an arm that gives each its own skill has none: ``refuse`` starts nothing,
    ``leave_out`` leaves the task out of every arm and says so, ``none`` lets the agent find no skill for it."""
    image_skills: Literal["strip", "keep"] = "strip"
    """Skills that a task's image brings: ``strip`` builds it without them, in every arm, ``keep`` leaves them to every
    arm. What was found is said."""
    reuse: Reuse = "all"
    """Stored evaluations that count: of every run of the log (``all``), of this run and its ancestors (``own``), or of
    nobody (``never``)."""
    scan: ScanSpec = ScanSpec()
    measure: Literal["hard", "soft"] = "hard"
    """``hard`` compares shares of solved items, ``soft`` rewards; a reward outside [0, 1] is then no score."""
    alpha: float = 0.05
    """How often an interval may miss, over all arms and looks together; above 0, below 1."""
    verifier_repeats: int = 1
    """How often the final state of a trial is verified; 1 or more. The score is the mean of the rewards, and solved if
    more than half of the verdicts are. Questions and tasks of several steps are verified once."""
    stop_on_dead_signal: bool = True
    """Whether no further cell is begun once ten items of each arm have ended and all scores are the same: such a score
    decides nothing. The first ten items of each arm are then awaited before others are begun."""
    floor: float = 0.8
    """Coverage (scored of planned) under which nothing is decided; from 0 to 1."""
    effect: float = 0.1
    """The smallest difference of scores that matters; above 0, at most 1."""
