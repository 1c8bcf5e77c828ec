"""Points of decision of a training at the end of an epoch and at its own end: what is compared, noted and measured."""

from typing import Any, Final

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import Point
from engine.policies.training.batches import BatchRule
from engine.policies.training.pairs import PairPolicy
from engine.programs.train.edit_points import NamedText
from engine.programs.train.points import CompatibleRule, SetsSeen, batch_rule, compatible_rule
from engine.programs.train.spec import is_compatible, train_spec
from events.digest import Digest
from events.types.decision import Held, Seen
from events.types.training import (
    AppendixNoted,
    MetaWritten,
    SlowProposed,
)

# -- end of an epoch --------------------------------------------------------------------------------------------------


class SampleSaw(msgspec.Struct, frozen=True):
    """An epoch that ends."""

    planned: Seen[SetsSeen]
    epoch: int


class SampleRule(msgspec.Struct, frozen=True):
    """Whether epochs are compared, and on how many items."""

    slow: bool
    meta: bool
    samples: int
    batches: BatchRule
    policy: PairPolicy


class EpochSample(msgspec.Struct, frozen=True):
    """On which items, and what for."""

    items: tuple[str, ...]
    """Empty: epochs are not compared here."""
    slow: bool
    """Whether guidance is asked for."""
    meta: bool
    """Whether the optimizer writes notes for itself."""
    placeholder: bool
    """Whether an empty block for guidance is written, as SkillOpt does after the first epoch."""
    top_up: bool = False
    """Whether more items are looked at until enough of them changed."""


def _sample_rule(spec: RunSpec, saw: SampleSaw) -> SampleRule:
    del saw
    settings = train_spec(spec)
    return SampleRule(settings.slow.on, settings.meta, settings.slow.samples, batch_rule(spec), settings.slow.policy)


SAMPLE: Final = Point(
    name="epoch_sample",
    revision=1,
    saw=SampleSaw,
    settings=SampleRule,
    ruling=EpochSample,
    decisive=("items", "slow", "meta", "placeholder", "top_up"),
    steers=True,
    rule=_sample_rule,
)


class TopUpSaw(msgspec.Struct, frozen=True):
    """Items that were compared so far."""

    planned: Seen[SetsSeen]
    epoch: int
    before: tuple[Held, ...]
    """As in `PairsSaw`."""
    now: tuple[Held, ...]


class TopUpRule(msgspec.Struct, frozen=True):
    """How many that changed are enough."""

    samples: int
    batches: BatchRule


class TopUp(msgspec.Struct, frozen=True):
    """Which items are compared next."""

    items: tuple[str, ...]
    """Empty: enough changed, or there are no more."""


def _top_up_rule(spec: RunSpec, saw: TopUpSaw) -> TopUpRule:
    del saw
    return TopUpRule(train_spec(spec).slow.samples, batch_rule(spec))


TOP_UP: Final = Point(
    name="epoch_top_up",
    revision=1,
    saw=TopUpSaw,
    settings=TopUpRule,
    ruling=TopUp,
    decisive=("items",),
    steers=True,
    rule=_top_up_rule,
)


class PairsSaw(msgspec.Struct, frozen=True):
    """What the same items came to under the skill of the epoch before, and of now."""

    before: tuple[Held, ...]
    """JSON lists of `CellSaw`, in the order in which they were rolled out."""
    now: tuple[Held, ...]


class PairsRule(msgspec.Struct, frozen=True):
    """Which are shown."""

    policy: PairPolicy
    compatible: bool


class EpochPair(msgspec.Struct, frozen=True):
    """One item under both."""

    item: str
    category: str


class EpochPairs(msgspec.Struct, frozen=True):
    """Those that are shown, and how many there are of each kind."""

    pairs: Digest
    """Blob: JSON list of `EpochPair`."""
    improved: int
    regressed: int
    failing: int
    passing: int


def _pairs_rule(spec: RunSpec, saw: PairsSaw) -> PairsRule:
    del saw
    return PairsRule(train_spec(spec).slow.policy, is_compatible(spec))


PAIRS: Final = Point(
    name="epoch_pairs",
    revision=1,
    saw=PairsSaw,
    settings=PairsRule,
    ruling=EpochPairs,
    decisive=("pairs",),
    steers=True,
    rule=_pairs_rule,
    events=(SlowProposed,),
)


class MetaSeen(msgspec.Struct, frozen=True):
    """Of `MetaWritten`."""

    text: Digest | None


class MetaSaw(msgspec.Struct, frozen=True):
    """What the optimizer wrote for itself."""

    memory: Seen[MetaSeen] | None
    """None: nothing was written before."""
    written: Held | None
    """JSON: a text. None: nothing was written now."""


class MetaNotes(msgspec.Struct, frozen=True):
    """What it is to remember."""

    text: Digest | None
    kept: bool


META_NOTES: Final = Point(
    name="meta_notes",
    revision=1,
    saw=MetaSaw,
    settings=CompatibleRule,
    ruling=MetaNotes,
    decisive=("text",),
    steers=True,
    rule=compatible_rule,
    events=(MetaWritten,),
)


class AppendixSaw(msgspec.Struct, frozen=True):
    """Reminders that reflections of a step gave."""

    files: tuple[NamedText, ...]
    """Of the revision in force."""
    notes: Held
    """JSON list of texts."""
    fewer: Held | None
    """JSON list of texts: what the optimizer made of all of them. None: it was not asked, or could not be read."""


class AppendixRule(msgspec.Struct, frozen=True):
    """When they are made fewer."""

    above: int
    """0: never."""
    compatible: bool


class Reminders(msgspec.Struct, frozen=True):
    """All reminders now."""

    notes: tuple[str, ...]
    added: int
    crowded: bool
    """Whether the optimizer is to be asked to make them fewer."""


def _appendix_rule(spec: RunSpec, saw: AppendixSaw) -> AppendixRule:
    del saw
    return AppendixRule(train_spec(spec).consolidate, is_compatible(spec))


APPENDIX_NOTES: Final = Point(
    name="appendix_notes",
    revision=1,
    saw=AppendixSaw,
    settings=AppendixRule,
    ruling=Reminders,
    decisive=("notes", "crowded"),
    steers=True,
    rule=_appendix_rule,
    events=(AppendixNoted,),
)

# -- the end ----------------------------------------------------------------------------------------------------------


class ClosingSaw(msgspec.Struct, frozen=True):
    """Training has gone through its epochs."""

    planned: Seen[SetsSeen]


class ClosingRule(msgspec.Struct, frozen=True):
    """What is measured then."""

    remeasure: bool
    test: bool


class ClosingPasses(msgspec.Struct, frozen=True):
    """What is."""

    selection: bool
    test: bool


def _closing_rule(spec: RunSpec, saw: ClosingSaw) -> ClosingRule:
    del saw
    settings = train_spec(spec)
    return ClosingRule(settings.remeasure, settings.test)


CLOSING: Final = Point(
    name="closing_passes",
    revision=1,
    saw=ClosingSaw,
    settings=ClosingRule,
    ruling=ClosingPasses,
    decisive=("selection", "test"),
    steers=True,
    rule=_closing_rule,
)

POINTS: Final[tuple[Point[Any, Any, Any], ...]] = (SAMPLE, TOP_UP, PAIRS, META_NOTES, APPENDIX_NOTES, CLOSING)
