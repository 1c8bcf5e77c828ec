"""Facts about an optimizer: what it was shown, and how each of its answers ended; and trajectories as effects.

Streams of the families ``reflect``, ``merge``, ``rank``, ``rate``, ``rewrite``, ``slow``, ``meta`` and ``appendix``:
one for each question to the optimizer. What was read is a decision of that stream.
"""

from typing import Literal, TypeAlias

import msgspec

from events.base import Event, LookupAsked
from events.digest import Digest
from events.values import NamedDigest

OptimizerStage: TypeAlias = Literal["reflect", "merge", "rank", "rate", "rewrite", "slow", "meta", "appendix"]
"""What an optimizer is asked for: proposals from rollouts, one list of several, the best of a list, how many of them, a
text rewritten by proposals, advice from a whole epoch, notes for itself, and fewer notes of the same content."""
OptimizerEnding: TypeAlias = Literal["read", "unreadable", "unanswered", "budget", "stopped", "nothing_shown"]
"""How a question to an optimizer ended.

read: its answer was read. unreadable: it was not, nor was the one after the problem was named. unanswered: the call
failed. budget: nothing more could be paid for. stopped: an operator stopped it. nothing_shown: it was not asked, since
there was nothing to show.
"""
CheckFeedback: TypeAlias = Literal["binary", "checks", "rich"]
"""What an optimizer is told of a verifier or scorer.

binary: whether it was satisfied. checks: which checks failed, too, and their messages with every value hidden that the
task does not say. rich: those messages as they stand, which may quote what is expected.
"""
PartKind: TypeAlias = Literal["question", "told", "said", "call", "output", "answer", "checks", "reference"]
"""question: what was asked. told: what else the model was told. said: what it wrote. call: what it did, such as a
command. output: what came of that. answer: what was scored. checks: what the verifier or scorer found. reference: what
was expected."""


class TrajectoryPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a trajectory, in the order in which it came."""

    kind: PartKind
    label: str
    """What it is, in a few words, such as ``exit code 1``. Empty: its kind says it all."""
    text: Digest
    """Blob: all of it."""


class HiddenItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An item whose trajectory was to be shown, and was not."""

    item: str
    reason: str


class TrajectoryAsked(LookupAsked, frozen=True, tag="trajectory.asked"):
    """What happened in a cell of this run was asked for: an effect, so that a replay never reads the log again."""

    cell: str
    """Stream of the cell."""
    feedback: CheckFeedback
    reference: bool
    """Whether what is expected is part of it."""


class TrajectoryRead(Event, frozen=True, tag="trajectory.read"):
    """It was put together from what the run recorded; nothing is shortened."""

    solved: bool
    reward: float | None
    """In the verifier's own unit, or how right an answer is, from 0 to 1. None: nothing says."""
    turns: int
    """Answers of the model, or of the agent's model."""
    parts: tuple[TrajectoryPart, ...]


class TrajectoryMissing(Event, frozen=True, tag="trajectory.missing"):
    """There is none that could be shown."""

    reason: str


class OptimizerOpened(Event, frozen=True, tag="optimizer.opened"):
    """An optimizer is about to be asked for something."""

    stage: OptimizerStage
    given: tuple[NamedDigest, ...]
    """Blobs: JSON; what the question is made of, such as ``document``, ``proposals`` and ``notes``."""
    cells: tuple[str, ...]
    """Streams of the cells whose trajectories it is to be shown. Empty: it is shown none."""


class OptimizerClosed(Event, frozen=True, tag="optimizer.closed"):
    """The question was answered, or was not."""

    ending: OptimizerEnding
    reason: str
    """Why nothing was read. Empty: it was read."""
    hidden: tuple[HiddenItem, ...]
    """Items whose trajectories could not be shown. Empty: all were, or none was to be."""
    instead: Digest | None
    """Blob: JSON; what counts where its answer was not read, such as all proposals one after the other. None: nothing
    does, or it was read."""
