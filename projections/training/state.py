"""What is known of training runs: the state of the projection of training."""

from typing import Literal, TypeAlias

import msgspec

from events.base import Ref
from events.digest import Digest, Fingerprint
from events.types.optimizing import HiddenItem, OptimizerEnding, OptimizerStage
from events.types.training import (
    CandidateOrigin,
    GateOutcome,
    GatheredPatch,
    PlannedSet,
    PlannedStep,
    TrainingClosed,
)
from events.values import NamedDigest, Ratio

CandidateStanding: TypeAlias = Literal["open", "accepted", "rejected", "undecided"]
"""open: not decided so far. undecided: nothing was said of it, and what was in force stays so."""


class TrainedCell(msgspec.Struct, kw_only=True):
    """One item under one state of the skill, once."""

    item: str
    repeat: int
    """From 1."""
    solved: bool | None = None
    """None: it has no score, or none so far."""
    reward: float | None = None
    """In the verifier's own unit, or how right an answer is. None: there is none."""
    unscored: str | None = None
    """Why it has no score. None: it has one, or has not ended."""
    at: Ref | None = None
    """The event that says so. None: it has not ended."""
    found_in: str | None = None
    """Run that rolled it out, where its score was found. None: this one, or it has not ended."""


class SetPass(msgspec.Struct, frozen=True):
    """Cells that were begun together: of a batch, or a pass over a set."""

    label: str
    """Of their streams."""
    purpose: str
    """``train``, ``selection`` or ``test``."""
    skill: Fingerprint | None
    """Digest of the folder of the skill that they had. None: none."""
    planned: int
    scored: int
    hard: Ratio | None
    soft: Ratio | None
    at: Ref
    """The event that says so."""


class ProposedEdit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A bounded change that was proposed; of a suggestion or a draft, what it says of itself."""

    op: str = ""
    """``append``, ``insert_after``, ``replace`` or ``delete``. Empty: it is a suggestion or a draft."""
    content: str = ""
    target: str = ""
    file: str = "SKILL.md"
    support_count: int | None = None
    source_type: str | None = None
    """``failure`` or ``success``. None: nothing says."""
    merge_level: int | None = None
    """None: it was not merged."""
    sources: tuple[str, ...] = ()
    """Names of the reflections that it came from."""
    title: str = ""
    instruction: str = ""
    change_summary: str = ""
    new_skill: str = ""


class EditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One edit of a step."""

    place: int
    """In the merged list of its step, from 1; of a candidate that no list was made for, in its report."""
    edit: ProposedEdit
    selected: bool
    status: str | None = None
    """What became of it when the candidate was made. None: it was not selected."""
    applied: bool = False
    hint: str = ""
    """Why it was refused, and what would do. Empty: nothing was said."""


class GateRecord(msgspec.Struct, frozen=True):
    """What a gate ruled of a candidate, once."""

    gate: str
    shadow: str | None
    """None: this ruling counts."""
    outcome: GateOutcome
    reason: str
    run: tuple[str, ...]
    """Of *more*: items that are run next."""
    figures: dict[str, float]
    score: Ratio | None
    believed: Ratio | None
    variance: Ratio | None
    rows: int
    """Scores of the candidate."""
    beside: int
    """Scores behind what is believed of the revision in force."""
    best: bool
    at: Ref


class CandidateRecord(msgspec.Struct, kw_only=True):
    """A state of the skill that was proposed."""

    name: str
    """Such as ``s3``, ``e2.slow`` or ``s3.appendix``."""
    skill: str
    origin: CandidateOrigin
    step: int
    epoch: int
    files: tuple[NamedDigest, ...]
    digest: Fingerprint
    """Of its folder."""
    parent: Fingerprint | None
    at: Ref
    applied: int
    refused: int
    changed: bool
    edits: list[EditRecord] = []
    """Those that were not selected among them, in the order of the merged list."""
    gates: list[GateRecord] = []
    """Of the gate that counts, in order; more than one where it asked for more."""
    shadows: dict[str, list[GateRecord]] = {}
    """By name."""
    shadow_failures: dict[str, str] = {}
    """What shadows raised, by name."""
    passes: list[str] = []
    """Labels of the cells that measured it, in order."""
    beside: list[str] = []
    """Labels of the cells that measured the revision in force beside it, in order."""
    standing: CandidateStanding = "open"
    revision: int | None = None
    """That it became. None: none."""
    reasons: tuple[str, ...] = ()
    """Why it was rejected."""
    ended: Ref | None = None
    """The event that accepted or rejected it."""
    in_force: Fingerprint | None = None
    """Digest of the revision in force when it was made. None: there was none."""


class StepRecord(msgspec.Struct, kw_only=True):
    """One step."""

    step: int
    epoch: int
    number: int
    """In its epoch, from 1."""
    at: Ref
    """The event that says so."""
    passes: list[str] = []
    """Labels of its rollouts, in order."""
    broken: list[str] = []
    """Why batches broke that were begun again."""
    patches: tuple[GatheredPatch, ...] = ()
    merges: tuple[str, ...] = ()
    """Streams of the merges that led to its list of edits."""
    available: int | None = None
    """Edits in that list. None: there is none."""
    items: list[ProposedEdit] = []
    """That list."""
    rate: int | None = None
    """Edits that it may apply. None: any number, or none was taken."""
    rate_taken: bool = False
    rate_reason: str = ""
    selected: tuple[int, ...] = ()
    """Places in the list, from 0."""
    how: str | None = None
    """How they were selected: ``all``, ``ranked`` or ``first``. None: they were not."""
    candidates: list[str] = []
    """Names."""
    skipped: str | None = None
    """Why it led to no candidate. None: it did, or has not ended."""
    note: Digest | None = None
    """Blob: JSON; what was noted for the steps after it."""


class RevisionRecord(msgspec.Struct, kw_only=True):
    """A state of the skill that was or is in force."""

    revision: int
    """From 1; 0: the initial skill."""
    digest: Fingerprint | None
    """Of its folder. None: there was no skill."""
    files: tuple[NamedDigest, ...]
    parent: Fingerprint | None
    candidate: str | None
    """Name of the candidate that it was. None: the initial skill."""
    origin: str
    """``initial``, or the origin of the candidate."""
    step: int
    """0: the initial skill."""
    epoch: int
    best: bool
    score: Ratio | None
    """Mean of the pass by which it was accepted: what SkillOpt goes on to believe. None: it had none."""
    believed: Ratio | None
    """What the gate believed of it when it came into force. None: nothing said so."""
    variance: Ratio | None
    at: Ref


class OptimizerRecord(msgspec.Struct, kw_only=True):
    """Something that the optimizer was asked."""

    stage: OptimizerStage
    cells: tuple[str, ...]
    """Streams of the cells whose trajectories it was to be shown."""
    ending: OptimizerEnding | None = None
    """None: it has not ended."""
    reason: str = ""
    hidden: tuple[HiddenItem, ...] = ()


class EpochEnd(msgspec.Struct, frozen=True):
    """What the end of an epoch compared."""

    epoch: int
    pairs: Digest
    improved: int
    regressed: int
    failing: int
    passing: int
    at: Ref


class MetaRecord(msgspec.Struct, frozen=True):
    """What the optimizer was to remember."""

    epoch: int
    text: Digest | None
    kept: bool


class GateTerms(msgspec.Struct, frozen=True):
    """What a gate takes as the score of an item, as far as its rule says; the defaults are those of a training."""

    metric: Literal["hard", "soft", "mixed"] = "hard"
    mixed_weight: float = 0.5
    """Of the partial score in the mixed one, in [0, 1]."""
    idle_counts: bool = False
    """Whether items count that are right if nobody works on them."""


class TrainedRun(msgspec.Struct, kw_only=True):
    """One training run."""

    run: str
    skill: str
    initial: tuple[NamedDigest, ...]
    sets: tuple[PlannedSet, ...]
    planned_at: Ref
    do_nothing: tuple[str, ...] = ()
    """Items that are solved without anything being done."""
    do_nothing_measured: int | None = None
    """Items for which that is known. None: it was not measured."""
    terms: GateTerms = GateTerms()
    """Of the gate that ruled last."""
    epochs: dict[str, tuple[PlannedStep, ...]] = {}
    """Steps that were planned, by epoch, written as text."""
    steps: list[StepRecord] = []
    candidates: list[CandidateRecord] = []
    placebos: list[CandidateRecord] = []
    """What only tried the gates: none comes into force, whatever its standing. Accepted: the gate would have."""
    revisions: list[RevisionRecord] = []
    """The initial skill first; the last one is in force."""
    passes: list[SetPass] = []
    cells: dict[str, dict[str, TrainedCell]] = {}
    """By label and stream."""
    questions: dict[str, OptimizerRecord] = {}
    """By stream."""
    epoch_ends: list[EpochEnd] = []
    meta: list[MetaRecord] = []
    notes: tuple[str, ...] = ()
    """Of the appendix."""
    paused: str | None = None
    """Label of the batch that the run waits to begin again. None: it does not wait."""
    closed: TrainingClosed | None = None

    @property
    def in_force(self) -> RevisionRecord:
        """The revision in force."""
        return self.revisions[-1]

    @property
    def best(self) -> RevisionRecord:
        """The best revision so far."""
        return next((each for each in reversed(self.revisions) if each.best), self.revisions[0])

    @property
    def idle(self) -> frozenset[str]:
        """Items that count at no gate: they are solved without anything being done. None where all of them are."""
        planned = self.set_for("selection")
        left = planned is None or bool(set(planned.items).difference(self.do_nothing))
        return frozenset(self.do_nothing) if left and not self.terms.idle_counts else frozenset()

    def candidate(self, name: str) -> CandidateRecord | None:
        """Find a candidate by its name. None: there is none."""
        return next((each for each in self.candidates if each.name == name), None)

    def placebo(self, name: str) -> CandidateRecord | None:
        """Find a placebo by its name. None: there is none."""
        return next((each for each in self.placebos if each.name == name), None)

    def set_for(self, purpose: str) -> PlannedSet | None:
        """Find a set by its purpose. None: there is none."""
        return next((each for each in self.sets if each.purpose == purpose), None)


class TrainingState(msgspec.Struct):
    """All training runs."""

    runs: dict[str, TrainedRun] = {}
    types: dict[str, dict[str, str]] = {}
    """Types of items by run and item, named as cells name it, as far as sets have any; of other programs, too."""
    asked: dict[str, str] = {}
    """By run, the set that was last asked for: its items are read next."""
