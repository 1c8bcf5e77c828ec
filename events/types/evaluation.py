"""Facts about evaluations: scores that are kept under everything that reached the model or the verifier.

Streams ``cell/<arm>/<item>/<repeat>``, one for each cell of an evaluation, and the run's own.
"""

from typing import Literal

import msgspec

from events.base import Event, LookupAsked, Ref
from events.digest import Digest, Fingerprint
from events.types.decision import Decided
from events.types.item_set import DecidedOnSets
from events.values import NamedDigest

Reuse = Literal["never", "own", "all"]
"""Whose stored evaluations count: nobody's, those of the run and its ancestors, or those of every run of the log."""


class CellOpened(Event, frozen=True, tag="cell.opened"):
    """One item is about to be scored under the condition of one arm, once."""

    arm: str
    item: str
    unit: str
    """What is independent of all else: the item's family, or the item itself."""
    repeat: int
    """From 1."""
    key: Digest
    """Blob: JSON; everything that reaches the model or the verifier. An evaluation is stored under its digest."""
    condition: Digest
    """Blob: JSON; the condition of the arm."""


class EvaluationAsked(LookupAsked, frozen=True, tag="evaluation.asked"):
    """A stored evaluation was looked for: an effect, so that a replay never looks again."""

    key: Digest
    reuse: Reuse


class VerifierVerdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one verification of a final state said."""

    reward: float | None
    """In the verifier's own unit, usually [0, 1]. None: it gives none."""
    solved: bool


class EvaluationFound(Event, frozen=True, omit_defaults=True, tag="evaluation.found"):
    """There is one."""

    run: str
    """Which stored it."""
    stream: str
    """Of its `EvaluationScored` in that run."""
    version: int
    """Of that event in its stream."""
    position: int
    """Of that event in the log."""
    as_of: int
    """Last position of the log that was looked through."""
    solved: bool
    reward: float | None
    verdicts: tuple[VerifierVerdict, ...] = ()
    """As in `EvaluationScored`."""


class EvaluationMissing(Event, frozen=True, tag="evaluation.missing"):
    """There is none."""

    as_of: int
    """Last position of the log that was looked through."""


class SkillsGiven(Event, frozen=True, tag="evaluation.skills_given"):
    """An arm is given skills, all of whose files are about to be scanned."""

    arm: str
    files: tuple[NamedDigest, ...]
    """Blobs: by path, such as ``greet/SKILL.md``, those of single items included. A path stands here more than once
    where items have different skills of one name."""


class AnswersAsked(Event, frozen=True, tag="answers.asked"):
    """What tasks expect was asked for, to look for it in the skills of arms."""

    tasks: tuple[str, ...]
    """Their names."""


class TaskAnswers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where what a task expects stands."""

    task: str
    instruction: Digest
    """Blob: what it says itself."""
    tests: Digest | None
    """Blob: the verifier's Python tests. None: it has none."""


class AnswersRead(Event, frozen=True, tag="answers.read"):
    """It was read. It reaches no model."""

    tasks: tuple[TaskAnswers, ...]


class EvaluationScored(Decided, frozen=True, tag="evaluation.scored"):
    """A cell was rolled out and has a score, which is stored from here on under its key."""

    key: Digest
    solved: bool
    reward: float | None
    """In the verifier's own unit, usually [0, 1]. None: it gives none."""
    rolled: Ref
    """The last event of what was scored, such as ``trial.closed``."""
    verdicts: tuple[VerifierVerdict, ...] = ()
    """What each verification of the final state said; those that said nothing are left out. Empty: it was verified
    once, or it is a question."""


class CellUnscored(Decided, frozen=True, tag="cell.unscored"):
    """A cell has no score: something of ours broke, there was no money for it, or it was stopped. Nothing is stored."""

    reason: Literal["infrastructure", "budget", "stopped", "no_information"]
    """no_information: it was not begun, since all scores so far were the same."""
    rolled: Ref | None
    """The last event of what was begun. None: nothing was."""


class EarlierLook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An earlier comparison of two arms with the same conditions over the same items."""

    arm: Fingerprint
    """Of the arm's plan, as in `PairLook`."""
    baseline: Fingerprint
    """Of its baseline's."""
    rows: Fingerprint
    """Of the scores that it saw."""
    repeats: int
    """That were planned then."""
    run: str
    position: int
    """Of the comparison in the log."""


class LooksAsked(Event, frozen=True, tag="looks.asked"):
    """Earlier comparisons of arms over these items were looked for: an effect, so that a replay never looks again."""

    arms: tuple[Fingerprint, ...]
    """Of the plans of the arms, as in `PairLook`; sorted."""


class LooksFound(Event, frozen=True, tag="looks.found"):
    """All that the log held, the oldest first."""

    as_of: int
    """Last position of the log that was looked through."""
    looks: tuple[EarlierLook, ...]


class PairLook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a comparison of an arm with its baseline rested on, by which a later one knows that it looks again."""

    arm: str
    plan: Fingerprint
    """Of the keys of the arm's first repeat: its items under its condition, however many repeats there are."""
    baseline: Fingerprint
    """The same of its baseline."""
    rows: Fingerprint
    """Of the scores of both."""
    repeats: int
    """That were planned."""


class ArmVerdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a comparison says of one arm beside the baseline."""

    arm: str
    verdict: str
    """``helps``, ``hurts``, ``no effect shown``, ``too few runs``, ``too few families``, ``no information`` or
    ``indecisive``."""
    reason: str
    difference: float | None
    """Mean over items of the paired difference of scores; in [-1, 1]. None: no item has a score in both arms."""
    low: float | None
    """Lower end of the interval. None: there is no interval."""
    high: float | None
    p: float | None
    """Two-sided, adjusted for looks and arms. None: as for the interval."""
    baseline: str | None = None
    """Arm that this one is compared with, where it has a baseline of its own. None: that of the comparison."""
    look: int | None = None
    """Which look at these arms over these items it is, from 1: each run that compared other scores of theirs was one.
    None: an earlier version recorded it."""


class ArmsCompared(DecidedOnSets, frozen=True, tag="evaluation.compared"):
    """The arms of an evaluation were compared with its baseline, or with baselines of their own."""

    baseline: str
    verdicts: tuple[ArmVerdict, ...]
    """In the order of the arms' names; arms that are compared with none have no verdict."""
    looks: tuple[PairLook, ...] = ()
    """One for each verdict. Empty: an earlier version recorded it."""
