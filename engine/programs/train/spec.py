"""Settings of training a skill. The texts below the fields are the reference."""

from typing import ClassVar, Final, Literal, TypeAlias

import msgspec

from engine.config.spec import RunSpec
from engine.items.base import Split
from engine.items.points import RolloutSpec
from engine.policies.scan.settings import ScanSpec
from engine.programs.train.optimizer.spec import OptimizerSpec
from events.types.evaluation import Reuse
from events.types.item_set import SetPurpose

GateValue: TypeAlias = str | int | float | bool
COMPATIBLE: Final = "compatible"
"""Name of the method that trains as SkillOpt does."""


class TrainItemsSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One set of items."""

    path_keys: ClassVar = frozenset({"folder"})

    folder: str = ""
    """Folder of the set, with a file or a folder for each split. Empty: there is none."""
    format: str = "question"
    """Format of the set, such as ``question`` or one that an installed package registers; see docs/items.md."""
    split: Split | None = None
    """Which part: ``train``, ``val``, ``test`` or ``all``. None: that of its purpose."""
    limit: int | None = None
    """The first so many items. None: all."""
    shuffle: int | None = None
    """Seed of the order of items. None: the order of the files."""
    exclude: tuple[str, ...] = ()
    """Names of items that are left out."""


class TrainSetsSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sets of questions, by purpose. No item may stand in two of them."""

    train: TrainItemsSpec = TrainItemsSpec()
    """Items that are learnt from."""
    selection: TrainItemsSpec = TrainItemsSpec()
    """Items whose scores decide at the gate."""
    test: TrainItemsSpec = TrainItemsSpec()
    """Items that are scored once training has ended. They decide nothing."""


class TrainTasksSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which of the run's tasks are for what, by patterns of their names such as ``sort-*``."""

    train: tuple[str, ...] = ()
    """Patterns of the tasks that are learnt from. Empty: none is."""
    selection: tuple[str, ...] = ()
    """Patterns of the tasks whose scores decide at the gate."""
    test: tuple[str, ...] = ()
    """Patterns of the tasks that are scored once training has ended. They decide nothing."""


class RateSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many edits a step may apply."""

    mode: Literal["constant", "linear", "cosine", "autonomous", "none"] = "cosine"
    """``constant``, ``linear`` and ``cosine`` are schedules from ``most`` to ``least``; ``autonomous`` asks the
    optimizer at each step; ``none`` sets no limit."""
    most: int = 4
    """Edits of the first step, 1 or more."""
    least: int = 2
    """Edits of the last step."""


class SlowSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Guidance that is written at the end of an epoch, from what the skills of two epochs did with the same items."""

    on: bool = True
    """Whether guidance is written at the end of each epoch from the second on."""
    samples: int = 20
    """Training items that are compared, 1 or more."""
    gate: bool | None = None
    """Whether the gate decides on it; without, it is accepted as it comes. None: it does, but under the method
    ``compatible``."""
    policy: Literal["mixed", "changed", "unchanged"] = "mixed"
    """Which items the optimizer is shown: all, those whose outcome changed, or the others. For ``changed``, more items
    are compared until ``samples`` of them changed, or none are left."""


class EditsSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far edits may go."""

    max_chars: int | None = 20_000
    """Characters of a file up to which an edit may make it longer. None: no limit."""
    max_files: int | None = 16
    """Files of a skill up to which an edit may add one. None: no limit."""


class GateSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A gate."""

    name: str = ""
    """Its name, such as ``level``, ``items`` or ``strict``; see docs/gates.md. Empty: ``level``; under the method
    ``compatible``, ``strict``; no gate where a library evolves."""
    settings: dict[str, GateValue] = {}
    """Settings of that gate."""


class TrainSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What only training knows."""

    source_keys: ClassVar = frozenset({"skill"})

    skill: str = ""
    """The skill to begin with: a folder, a Markdown file, ``run:RUN/SKILL@REVISION`` or ``library:NAME/SKILL``. Empty:
    there is none."""
    name: str = "trained"
    """Name of a skill that begins empty: letters, digits and hyphens."""
    description: str = "What was learnt from working on tasks like this one. Use it for every one of them."
    """Its description, which agents read to decide whether they read more."""
    epochs: int = 4
    """How often the training items are gone through, 1 or more."""
    batch: int = 40
    """Items of a batch, 1 or more."""
    accumulation: int = 1
    """Batches that make one step, 1 or more."""
    minibatch: int = 8
    """Rollouts that one reflection sees, 1 or more."""
    merge_batch: int = 8
    """Proposals that are merged at a time, 2 or more."""
    seed: int = 42
    """Of every order that is drawn."""
    failure_only: bool = False
    """Whether only failures are reflected upon."""
    update: Literal["patch", "rewrite", "full_rewrite"] = "patch"
    """What the optimizer proposes: edits (``patch``), suggestions by which it then rewrites the document
    (``rewrite``), or whole documents (``full_rewrite``)."""
    rate: RateSpec = RateSpec()
    edits: EditsSpec = EditsSpec()
    metric: Literal["hard", "soft", "mixed"] = "hard"
    """What the gate reads: the share of solved items (``hard``), the mean reward (``soft``), or both (``mixed``)."""
    mixed_weight: float = 0.5
    """Weight of the reward in ``mixed``, from 0 to 1."""
    gate: GateSpec = GateSpec()
    shadows: dict[str, GateSpec] = {}
    """Further gates by a name of yours: they rule on the same candidates, and decide nothing."""
    placebo: int | None = None
    """At every so many-th step, 1 or more, the gate and its shadows also rule on a placebo: the skill in force with
    neutral text of the length of the step's change. It never comes into force, and the optimizer never hears of it; it
    costs a pass over the selection items. None: no placebo is tried."""
    floor: float = 0.8
    """Share of the items that need a score for a gate to decide anything; from 0 to 1."""
    slow: SlowSpec = SlowSpec()
    meta: bool = True
    """Whether the optimizer keeps notes for itself from epoch to epoch. The target never reads them."""
    skill_aware: bool = False
    """Whether rules that were told and not followed become reminders in an appendix of the skill."""
    consolidate: int = 0
    """Reminders above which the optimizer is asked to make them fewer; 0: never."""
    reference: bool = False
    """Whether the optimizer is shown what was expected. Skills can then learn answers by heart."""
    remeasure: bool = True
    """Whether the final skill is scored once more on the selection items, since the score by which a skill was
    accepted is too high."""
    test: bool = True
    """Whether the initial, the best and the final skill are scored on the test items."""
    sets: TrainSetsSpec = TrainSetsSpec()
    tasks: TrainTasksSpec = TrainTasksSpec()
    rollout: RolloutSpec = RolloutSpec()
    idle: bool = True
    """Whether each selection task is first tried by an agent that does nothing (``nop``), which costs a sandbox and no
    call. Tasks that pass untouched count for no gate. Of questions it is always worked out."""
    reuse: Reuse = "all"
    """Stored scores that count in passes over selection and test items: of every run of the log (``all``), of this run
    and its ancestors (``own``), or of nobody (``never``). Rollouts to learn from are always fresh."""
    optimizer: OptimizerSpec = OptimizerSpec()
    scan: ScanSpec = ScanSpec()


def train_spec(spec: RunSpec) -> TrainSpec:
    """Give the program's settings of a spec."""
    return msgspec.convert(spec.own, TrainSpec)


def is_compatible(spec: RunSpec) -> bool:
    """Say whether a spec trains as SkillOpt does."""
    return str(spec.method.name) == COMPATIBLE


PURPOSES: tuple[SetPurpose, ...] = ("train", "selection", "test")
"""In the order in which sets are read and opened."""
SPLITS: dict[SetPurpose, Split] = {"train": "train", "selection": "val", "test": "test"}
"""Which part of a folder a purpose has where none is named."""


def items_of(settings: TrainSpec, purpose: SetPurpose) -> TrainItemsSpec | None:
    """Give a set of questions with its split. None: there is none for this purpose."""
    items: TrainItemsSpec = getattr(settings.sets, purpose)
    if not items.folder:
        return None
    return items if items.split is not None else msgspec.structs.replace(items, split=SPLITS[purpose])


def gate_name(spec: RunSpec, gate: GateSpec) -> str:
    """Give the name of a gate: that of the method, where none is named."""
    return gate.name or ("strict" if is_compatible(spec) else "level")
