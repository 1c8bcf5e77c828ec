"""Points of decision of a training's course: what is rolled out, reflected upon, edited and noted.

The gate has a module of its own (`gate_points`), and so has what is read from the optimizer's answers.
"""

from typing import Any, Final, Literal, TypeAlias

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import NoSettings, Point, no_settings
from engine.policies.training.batches import BatchRule, steps_of_epoch
from engine.policies.training.minibatches import MinibatchRule
from engine.policies.training.rate import RateRule
from engine.programs.evaluate.points import ReasonsSeen
from engine.programs.train.spec import is_compatible, train_spec
from events.digest import Digest
from events.types.decision import Held, Seen, Text
from events.types.training import (
    BufferNoted,
    DoNothingScored,
    EpochPlanned,
    GateOutcome,
    PlannedSet,
    PlannedStep,
)
from events.values import Ratio

UpdateMode: TypeAlias = Literal["patch", "rewrite", "full_rewrite"]


class RolloutRow(msgspec.Struct, frozen=True):
    """One cell of a batch, as `RolloutsScored.rows` lists it: a JSON list of these."""

    item: str
    unit: str
    """What is independent of all else: the item's family, or the item."""
    repeat: int
    task_type: str | None
    stream: str
    """Of the cell."""
    solved: bool | None
    """None: it has no score."""
    reward: float | None
    reason: str | None
    """Why it has no score. None: it has one."""
    why: tuple[str, ...]
    """Why it is not solved, as its scorer says; empty where it is, or nothing is said."""


class HardRow(msgspec.Struct, frozen=True):
    """A row, as policies read it: of a table that names the events of its scores."""

    item: str
    hard: float
    """1 if it is solved, else 0."""
    reward: float | None
    reason: str | None = None
    """Why it failed. None: nothing says, or it did not."""


# -- do-nothing baseline ----------------------------------------------------------------------------------------------


class DoNothingSaw(msgspec.Struct, frozen=True, omit_defaults=True):
    """The items of the selection set, as nobody has worked on them."""

    items: tuple[Text, ...]
    """Each as canonical JSON, with what is expected."""
    names: tuple[str, ...]
    files: tuple[Text, ...]
    """Those that the items name."""
    untouched: Held | None = None
    """Cells of tasks in which an agent did nothing: JSON list of `CellSaw`. None: no task was tried so."""


class DoNothing(msgspec.Struct, frozen=True):
    """Which of them are right already."""

    solved: tuple[str, ...]
    measured: int


DO_NOTHING: Final = Point(
    name="do_nothing",
    revision=1,
    saw=DoNothingSaw,
    settings=NoSettings,
    ruling=DoNothing,
    decisive=("solved",),
    steers=False,
    rule=no_settings,
    events=(DoNothingScored,),
)

# -- epochs -----------------------------------------------------------------------------------------------------------


class SetsSeen(msgspec.Struct, frozen=True):
    """Of `TrainingPlanned`."""

    sets: tuple[PlannedSet, ...]

    def names(self, purpose: str) -> tuple[str, ...]:
        """List the items of a purpose, in order."""
        return next((each.items for each in self.sets if each.purpose == purpose), ())


class EpochSaw(msgspec.Struct, frozen=True):
    """Which epoch is next."""

    planned: Seen[SetsSeen]
    epoch: int
    """From 1."""


class EpochRule(msgspec.Struct, frozen=True):
    """How many there are, and how items are divided."""

    epochs: int
    batches: BatchRule


class EpochPlan(msgspec.Struct, frozen=True):
    """Its steps."""

    epoch: int
    steps: tuple[PlannedStep, ...]
    """Empty: there is no further epoch."""


def batch_rule(spec: RunSpec) -> BatchRule:
    """Say how training items are divided, and drawn."""
    settings = train_spec(spec)
    return BatchRule(settings.batch, settings.accumulation, settings.seed, is_compatible(spec))


def _epoch_rule(spec: RunSpec, saw: EpochSaw) -> EpochRule:
    del saw
    return EpochRule(train_spec(spec).epochs, batch_rule(spec))


EPOCH: Final = Point(
    name="epoch",
    revision=1,
    saw=EpochSaw,
    settings=EpochRule,
    ruling=EpochPlan,
    decisive=("steps",),
    steers=True,
    rule=_epoch_rule,
    events=(EpochPlanned,),
)

# -- what a step goes by ----------------------------------------------------------------------------------------------


class StepTermsSaw(msgspec.Struct, frozen=True):
    """A step that begins."""

    taken: int
    """Rates that were taken before."""
    items: int
    """That are learnt from."""


class StepTermsRule(msgspec.Struct, frozen=True):
    """How steps go."""

    update: UpdateMode
    rate: RateRule
    appendix: bool
    merge_batch: int


class StepTerms(msgspec.Struct, frozen=True):
    """How this one goes."""

    update: UpdateMode
    budget: int | None
    """Proposals that one reflection is asked for at most. None: no limit."""
    appendix: bool
    """Whether reminders are asked for."""
    merge_batch: int
    """Proposals that are merged at a time."""
    ask_rate: bool
    """Whether the optimizer is asked how many edits are applied."""
    rank_none: bool = False
    """Whether it is asked for a ranking at a rate of 0, too, and what is left is a candidate even without edits, as
    with SkillOpt."""
    pause: bool = False
    """Whether the run pauses where no reflection was answered. Runs from before this field skipped such a step."""


def rate_rule(spec: RunSpec, items: int) -> RateRule:
    """Give the schedule of the rate over a whole training of so many items."""
    settings = train_spec(spec)
    steps = settings.epochs * steps_of_epoch(batch_rule(spec), items)
    rate = settings.rate
    return RateRule(rate.mode, rate.most, rate.least, steps, is_compatible(spec))


def _step_rule(spec: RunSpec, saw: StepTermsSaw) -> StepTermsRule:
    settings = train_spec(spec)
    return StepTermsRule(settings.update, rate_rule(spec, saw.items), settings.skill_aware, settings.merge_batch)


STEP_TERMS: Final = Point(
    name="step_terms",
    revision=1,
    saw=StepTermsSaw,
    settings=StepTermsRule,
    ruling=StepTerms,
    decisive=("update", "budget", "appendix", "merge_batch", "ask_rate", "rank_none"),
    steers=True,
    rule=_step_rule,
)

# -- batches that ended ------------------------------------------------------------------------------------------------


class BatchSaw(msgspec.Struct, frozen=True):
    """Cells that were begun together have ended."""

    rows: Held
    """JSON list of `CellSaw`."""


class BatchEnding(msgspec.Struct, frozen=True):
    """What is done about it."""

    then: Literal["use", "pause", "budget", "stopped"]
    """use: some have a score. pause: none has, since the infrastructure failed. budget: too few have, for there is no
    money left. stopped: an operator ended it."""
    reason: str
    """Empty where they are used."""


class BatchFloor(msgspec.Struct, frozen=True):
    """How much of a batch has to be paid for."""

    floor: float
    """Share of its cells."""


def _floor(spec: RunSpec, saw: BatchSaw) -> BatchFloor:
    del saw
    return BatchFloor(train_spec(spec).floor)


BATCH: Final = Point(
    name="batch",
    revision=1,
    saw=BatchSaw,
    settings=BatchFloor,
    ruling=BatchEnding,
    decisive=("then",),
    steers=True,
    rule=_floor,
)

# -- minibatches ------------------------------------------------------------------------------------------------------


class MinibatchesSaw(msgspec.Struct, frozen=True):
    """What the rollouts of a batch came to."""

    rows: Held
    """JSON list of `CellSaw`, in the order of the batch."""
    seed: int
    """Of the batch."""


class MinibatchPlan(msgspec.Struct, frozen=True):
    """Which items are reflected upon together."""

    failures: tuple[tuple[str, ...], ...]
    successes: tuple[tuple[str, ...], ...]


def _minibatch_rule(spec: RunSpec, saw: MinibatchesSaw) -> MinibatchRule:
    del saw
    settings = train_spec(spec)
    return MinibatchRule(settings.minibatch, settings.failure_only, is_compatible(spec))


MINIBATCHES: Final = Point(
    name="minibatches",
    revision=1,
    saw=MinibatchesSaw,
    settings=MinibatchRule,
    ruling=MinibatchPlan,
    decisive=("failures", "successes"),
    steers=True,
    rule=_minibatch_rule,
)

# -- notes of steps ---------------------------------------------------------------------------------------------------


class StepGateSeen(msgspec.Struct, frozen=True):
    """Of `GateDecided`: what all gates say alike. So another gate that rules the same leaves the notes as they are."""

    outcome: GateOutcome
    score: Ratio | None
    figures: dict[str, float]


class FailedItem(msgspec.Struct, frozen=True):
    """Why an item is not solved."""

    item: str
    why: Seen[ReasonsSeen]


class BufferSaw(msgspec.Struct, frozen=True):
    """What became of a step."""

    step: int
    rows: tuple[Held, ...]
    """Of each of its batches: JSON list of `CellSaw`."""
    reasons: tuple[Held, ...]
    """Of each of its batches: JSON list of `FailedItem`."""
    findings: Held | None
    """JSON list of `NamedFailure`: what reflections say. None: they say nothing."""
    report: Text | None
    """What became of each edit. None: there is no candidate."""
    gate: Seen[StepGateSeen] | None
    """None: the gate was not asked."""
    skipped: str
    """Why there was no candidate. Empty: there was."""


class CompatibleRule(msgspec.Struct, frozen=True):
    """Whether as SkillOpt does."""

    compatible: bool


class StepNoted(msgspec.Struct, frozen=True):
    """Its note."""

    note: Digest


def compatible_rule(spec: RunSpec, saw: Any) -> CompatibleRule:
    """Say whether as SkillOpt does."""
    del saw
    return CompatibleRule(is_compatible(spec))


BUFFER: Final = Point(
    name="buffer",
    revision=2,  # since the first, hints are worded as refusals, and only of edits that were not applied
    saw=BufferSaw,
    settings=CompatibleRule,
    ruling=StepNoted,
    decisive=("note",),
    steers=False,
    rule=compatible_rule,
    events=(BufferNoted,),
)


class StepNotesSaw(msgspec.Struct, frozen=True):
    """Notes of the steps of an epoch."""

    notes: tuple[Text, ...]


class NotesWorded(msgspec.Struct, frozen=True):
    """As the optimizer is told them."""

    text: Digest


NOTES: Final = Point(
    name="step_notes",
    revision=1,
    saw=StepNotesSaw,
    settings=NoSettings,
    ruling=NotesWorded,
    decisive=("text",),
    steers=True,
    rule=no_settings,
)

POINTS: Final[tuple[Point[Any, Any, Any], ...]] = (
    DO_NOTHING,
    EPOCH,
    BATCH,
    STEP_TERMS,
    MINIBATCHES,
    BUFFER,
    NOTES,
)
