"""Facts about the training of a skill. Stream ``train``, a straight line, written by the actor that trains.

Everything that the loop knows is here: how often a rate was taken, which edits were rejected, what a gate believes.
Rows of scores and tables of edits are blobs. A candidate that is rejected is told by `SkillRejected`; of one that is
left undecided, and of a placebo, `GateDecided` is the last word.
"""

from typing import Literal, TypeAlias

import msgspec

from events.base import Event, Ref
from events.digest import Digest, Fingerprint
from events.types.decision import Decided
from events.types.item_set import DecidedOnSets, SetPurpose
from events.values import NamedDigest, Ratio

ChangeOrigin: TypeAlias = Literal["step", "rewrite", "slow", "appendix"]
"""How a change of a skill came about: by edits of a step, by a rewritten document, by guidance at the end of an epoch,
or by notes on what was told and not done."""
CandidateOrigin: TypeAlias = Literal[ChangeOrigin, "placebo"]
"""How a candidate came about: as a change, or as a placebo, which only tries the gate and never comes into force."""
GateOutcome: TypeAlias = Literal["accept", "reject", "more", "undecided"]
"""more: named items are run first, and the gate is asked again. undecided: too few scores, or scores that are all the
same: nothing is accepted, and nothing is said of the edit."""
TrainingEnding: TypeAlias = Literal["completed", "budget", "stopped", "infrastructure"]
"""completed: all epochs were gone through. budget: nothing more could be paid for. stopped: an operator ended it.
infrastructure: the items could not be read any more."""


class PlannedSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A set of items as training uses it."""

    purpose: SetPurpose
    name: str
    digest: Fingerprint
    """As in `SetOpened`."""
    items: tuple[str, ...]
    """Names, in order."""


class TrainingPlanned(Event, frozen=True, tag="train.planned"):
    """Training begins: from this skill, over these items."""

    skill: str
    """Name of the skill, as in its folder and its front matter."""
    files: tuple[NamedDigest, ...]
    """Blobs: every file of the initial folder, ``SKILL.md`` first. Empty: it starts from nothing."""
    sets: tuple[PlannedSet, ...]
    """By purpose: train, selection, test; a purpose without items is left out."""


class DoNothingScored(Decided, frozen=True, tag="train.do_nothing_scored"):
    """Which items score without anything being done: untouched inputs, or an agent that does nothing."""

    solved: tuple[str, ...]
    """Names. They say nothing of a skill, and count at no gate."""
    measured: int
    """Items for which it is known."""


class PlannedBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Items that are rolled out together."""

    items: tuple[str, ...]
    """Names, in order."""
    seed: int
    """Of the order in which what came of them is reflected upon."""


class PlannedStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of an epoch."""

    batches: tuple[PlannedBatch, ...]
    """More than one where steps accumulate batches."""


class EpochPlanned(Decided, frozen=True, tag="epoch.planned"):
    """The items of an epoch were divided among its steps."""

    epoch: int
    """From 1."""
    steps: tuple[PlannedStep, ...]
    """Empty: there is no further epoch."""


class StepOpened(Event, frozen=True, tag="step.opened"):
    """A step begins."""

    step: int
    """From 1, over all epochs."""
    epoch: int
    number: int
    """Of the step in its epoch, from 1."""
    parent: Fingerprint | None
    """Digest of the folder of the revision in force. None: there is no skill yet."""


class RolloutsScored(Event, frozen=True, tag="rollouts.scored"):
    """Cells that were begun together have ended: rollouts to learn from, or a pass over a set."""

    label: str
    """Of their streams, such as ``s3.rollout`` or ``s3.gate``."""
    purpose: SetPurpose
    skill: Fingerprint | None
    """Digest of the folder of the skill that they had. None: none."""
    rows: Digest
    """Blob: JSON list of rows, in the order of the items' names."""
    planned: int
    """Cells."""
    scored: int
    """Cells that have a score; only these are in the means."""
    hard: Ratio | None
    """Share of solved items. None: nothing was scored."""
    soft: Ratio | None
    """Mean reward. None: as for `hard`."""


class BatchBroken(Event, frozen=True, tag="batch.broken"):
    """Not one cell of a batch has a score, for the infrastructure failed, or not one reflection of a step was answered.

    Nothing is learnt from it.
    """

    label: str
    """Of its cells; of reflections such as ``s3.reflect``."""
    cells: int
    """How many there are; of reflections, how many were asked for."""
    reason: str


class PauseAsked(Event, frozen=True, tag="train.pause_asked"):
    """The run pauses: an effect that is not answered before a person resumes it."""

    label: str
    """Of the batch that is begun again then."""


class TrainingResumed(Event, frozen=True, tag="train.resumed"):
    """It was resumed."""


class GatheredPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one reflection came to."""

    stream: str
    """Of the reflection."""
    kind: Literal["failure", "success"]
    rows: int
    """Rollouts that it was shown."""
    items: int
    """Edits that it proposes."""
    ending: str
    """``read``, or why there is none."""
    reason: str
    """Empty where it was read."""


class PatchesGathered(Event, frozen=True, tag="patches.gathered"):
    """The rollouts of a step were reflected upon."""

    step: int
    patches: tuple[GatheredPatch, ...]
    """In the order of their names; also those that could not be read."""


class EditsMerged(Event, frozen=True, tag="edits.merged"):
    """What was proposed was merged into one list."""

    step: int
    items: Digest
    """Blob: JSON list of what is proposed: edits, suggestions or drafts."""
    count: int
    merges: tuple[str, ...]
    """Streams of the merges that led to it. Empty: there was one patch."""


class RateChosen(Decided, frozen=True, tag="rate.chosen"):
    """How many edits a step may apply."""

    step: int
    number: int
    """How many rates were taken in this run, this one included."""
    rate: int | None
    """None: any number."""
    reason: str
    """Empty where a schedule says it."""


class EditsSelected(Decided, frozen=True, tag="edits.selected"):
    """Some of what is proposed was selected."""

    step: int
    selected: tuple[int, ...]
    """Places in `EditsMerged.items`, from 0, the best first."""
    available: int
    how: Literal["all", "ranked", "first"]
    """all: nobody had to choose; at a rate of 0 nothing is taken. ranked: by a model. first: no ranking could be
    read."""


class CandidateMade(Decided, frozen=True, tag="candidate.made"):
    """A candidate was made: a state of the skill that is in force nowhere yet."""

    skill: str
    origin: CandidateOrigin
    step: int
    """The last step that was begun."""
    epoch: int
    files: tuple[NamedDigest, ...]
    """Blobs: every file of the folder, ``SKILL.md`` first."""
    parent: Fingerprint | None
    """Digest of the folder of the revision that it was made from. None: there was none."""
    report: Digest
    """Blob: JSON list; what became of each edit, with hints where one was refused."""
    applied: int
    refused: int
    changed: bool
    """Whether it differs from its parent."""


class GateDecided(DecidedOnSets, frozen=True, tag="gate.decided"):
    """A gate ruled on a candidate."""

    candidate: Ref
    gate: str
    """Name of the gate."""
    outcome: GateOutcome
    reason: str
    run: tuple[str, ...]
    """Of *more*: items that are run next. Empty otherwise."""
    figures: dict[str, float]
    """What the ruling rests on, by name; 12 digits."""
    score: Ratio | None
    """Mean of the candidate's scores so far. None: it has none."""
    believed: Ratio | None
    """What the gate believes of the revision in force after this, in [0, 1]. None: nothing was scored yet."""
    variance: Ratio | None
    """Of what is believed. None: the gate states none."""
    rows: int
    """Scores of the candidate."""
    beside: int
    """Scores behind what is believed of the revision in force."""
    best: bool
    """Whether the candidate is the best so far; only of one that is accepted."""
    paired: bool
    """Of *more*: whether items that were not run yet are run under the revision in force, too."""
    shadow: str | None = None
    """Name of the shadow gate. None: this ruling counts."""


class SkillAccepted(Event, frozen=True, tag="skill.accepted"):
    """A candidate is in force from here on."""

    skill: str
    revision: int
    """From 1; the initial skill is 0."""
    files: tuple[NamedDigest, ...]
    """Blobs: every file of the folder, ``SKILL.md`` first."""
    parent: Fingerprint | None
    """Digest of the folder of the revision whose place it takes. None: it takes none."""
    candidate: Ref
    """`CandidateMade` that it was."""
    gate: Ref | None
    """`GateDecided` that accepted it; its reason says where no gate was asked. None: nothing was decided."""
    origin: ChangeOrigin
    step: int
    epoch: int
    best: bool
    """Whether it is the best so far."""


class StepSkipped(Event, frozen=True, tag="step.skipped"):
    """A step led to no candidate."""

    step: int
    reason: str


class BufferNoted(Decided, frozen=True, tag="buffer.noted"):
    """What became of a step was noted for the steps after it in its epoch."""

    step: int
    note: Digest
    """Blob: JSON; how it ended, why items failed, and which edits were rejected."""


class SlowProposed(Decided, frozen=True, tag="slow.proposed"):
    """Items were rolled out under the skill of the epoch before and the one of now, and compared."""

    epoch: int
    pairs: Digest
    """Blob: JSON list; the items that are shown, with what became of each."""
    improved: int
    regressed: int
    failing: int
    """Unsolved before and now."""
    passing: int
    """Solved before and now."""


class MetaWritten(Decided, frozen=True, tag="meta.written"):
    """What the optimizer is to remember about proposing edits; it never reaches the target."""

    epoch: int
    text: Digest | None
    """Blob. None: nothing is remembered."""
    kept: bool
    """Whether it is the text of an earlier epoch."""


class AppendixNoted(Decided, frozen=True, tag="appendix.noted"):
    """Reminders of rules that were told and not followed."""

    step: int
    notes: tuple[str, ...]
    """All of them, in order."""
    added: int
    crowded: bool
    """Whether the optimizer is asked to make them fewer first."""


class SkillResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A skill at the end of training."""

    which: Literal["initial", "best", "final"]
    revision: int
    """0: the initial skill."""
    digest: Fingerprint | None
    """Of its folder. None: there is none."""
    believed: Ratio | None
    """What the gate believed of it last while it was in force, in [0, 1]; before any ruling the mean of its first pass.
    None: nothing."""
    measured: Ratio | None
    """Mean of a fresh pass over the selection set. None: there was none."""
    test_hard: Ratio | None
    """Share of solved items of the test set. None: it was not tested."""
    test_soft: Ratio | None
    """Mean reward over the test set."""


class TrainingClosed(Event, frozen=True, tag="train.closed"):
    """Training ended."""

    ending: TrainingEnding
    steps: int
    accepted: int
    rejected: int
    """Candidates. Those that were left undecided are not among them."""
    skipped: int
    skills: tuple[SkillResult, ...]
    """Empty where it did not come to its end."""
