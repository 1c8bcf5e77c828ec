"""What each question to the optimizer is given, and what comes of it."""

from collections.abc import Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from engine.core.prompts import Prompts
from engine.effects.model_calls import Caller
from engine.policies.edits.modes import UpdateItem
from engine.programs.train.optimizer.proposals import Mode
from engine.programs.train.optimizer.rulings import FailureKind
from engine.programs.train.optimizer.spec import OptimizerSpec
from events.base import Ref
from events.types.decision import Held
from events.types.optimizing import HiddenItem, OptimizerEnding

T = TypeVar("T")


class SkillDocument(NamedTuple):
    """A document as it stands at some place of the run."""

    files: Mapping[str, str]
    """Text by path; of ``SKILL.md`` its body."""
    at: Ref
    """The event that names it."""


class OptimizerTerms(NamedTuple):
    """Whom to ask, and with which words."""

    callers: Sequence[Caller]
    """One for each run of the line, oldest first."""
    prompts: Prompts
    settings: Sequence[OptimizerSpec]
    """The same."""
    mode: Mode = "patch"
    reference: bool = False
    """Whether trajectories say what was expected."""
    meta: str = ""
    """What the optimizer noted for itself. Empty: nothing."""


class ShownRollout(NamedTuple):
    """An item that was rolled out."""

    item: str
    stream: str
    """Of its cell."""
    task_type: str | None
    """None: it has none."""
    hard: bool
    """Whether it is solved."""
    soft: float | None
    """How right it is, from 0 to 1. None: nothing says."""


class Proposals(NamedTuple):
    """What one reflection or merge proposes."""

    name: str
    """The last part of its stream, such as ``1.0.fail.0``."""
    kind: str
    """``failure``, ``success`` or ``merged``."""
    items: tuple[UpdateItem, ...]
    held: Held
    """The blob that holds them, and the event that names it."""
    rows: Mapping[str, int]
    """By reflection, how many trajectories it was shown."""


class Came(NamedTuple, Generic[T]):
    """What came of a question."""

    value: T | None
    """None: nothing that could be used."""
    ending: OptimizerEnding
    reason: str
    """Why it was not read; of what was read, what was left out of it. Empty: nothing is to be said."""
    at: Ref
    """The event that says so."""
    hidden: tuple[HiddenItem, ...] = ()
    """Items whose trajectories could not be shown."""


class ReflectionOutcome(NamedTuple):
    """What a reflection says."""

    proposals: Proposals
    findings: tuple[FailureKind, ...]
    """Kinds of failures, or of successes, that it names."""
    appendix: tuple[str, ...]
    """Reminders of rules that were not followed. Empty: there are none, or nobody asked."""


class RewrittenSkill(NamedTuple):
    """A document that was written anew."""

    files: Mapping[str, str]
    summary: str
    """What is new, in the optimizer's words. Empty: it does not say."""
    held: Held
    """The blob that holds the files, and the event that names it."""


class ReflectBrief(NamedTuple):
    """Rollouts to learn from."""

    terms: OptimizerTerms
    document: SkillDocument
    name: str
    kind: str
    """``failure`` or ``success``."""
    rows: Sequence[ShownRollout]
    budget: int | None
    """Proposals at most. None: no limit."""
    notes: str = ""
    """What became of the steps before. Empty: nothing is known."""
    appendix: bool = False
    """Whether reminders are asked for, of rules that the document has and that were not followed."""


class MergeBrief(NamedTuple):
    """Lists of proposals that are to become one."""

    terms: OptimizerTerms
    document: SkillDocument
    name: str
    kind: str
    """``failure`` or ``success``; ``merged`` where both come together."""
    group: Sequence[Proposals]
    level: int | None
    """From 1. None: failures and successes come together, at last."""


class RankBrief(NamedTuple):
    """More proposals than are to be made."""

    terms: OptimizerTerms
    document: SkillDocument
    proposals: Proposals
    budget: int
    """How many of them at most, 0 or more."""


class RateBrief(NamedTuple):
    """Proposals whose number is to be chosen."""

    terms: OptimizerTerms
    document: SkillDocument
    proposals: Proposals
    rows: int
    """Items that were tried in this step."""
    hard: float
    """Share of them that is solved."""
    soft: float
    """Mean score."""
    notes: str = ""


class RewriteBrief(NamedTuple):
    """Suggestions that are to be carried out."""

    terms: OptimizerTerms
    document: SkillDocument
    proposals: Proposals
    notes: str = ""


class ShownPair(NamedTuple):
    """An item under two documents."""

    category: str
    """``improved``, ``regressed``, ``persistent_fail`` or ``stable_success``."""
    before: ShownRollout
    now: ShownRollout


class SlowBrief(NamedTuple):
    """An epoch to draw advice from."""

    terms: OptimizerTerms
    before: SkillDocument
    document: SkillDocument
    guidance: str
    """The advice that stands in the document now. Empty: none does."""
    pairs: Sequence[ShownPair]


class MetaBrief(NamedTuple):
    """An epoch from which an optimizer notes something for itself; the notes so far are those of the terms."""

    terms: OptimizerTerms
    before: SkillDocument
    document: SkillDocument
    pairs: Sequence[ShownPair]


class ConsolidateBrief(NamedTuple):
    """Notes of an appendix that are to be fewer."""

    terms: OptimizerTerms
    notes: tuple[str, ...]
