"""Facts about whoever writes skills: what it was shown, and how each of its answers ended; and traces as effects.

Streams of the families ``author`` and ``retrieve``: one for each question to an author, or to a model that chooses
skills. What was read is a decision of that stream, with what the rules of the library refuse of it. Traces are asked
for where they are told: by an author's question, or by a library whose trials are told of earlier ones.
"""

from typing import Literal, TypeAlias

import msgspec

from events.base import Event, Ref
from events.digest import Digest
from events.types.optimizing import HiddenItem, OptimizerEnding, TrajectoryPart
from events.values import NamedDigest

AuthorStage: TypeAlias = Literal["zero shot", "induce", "revise", "reflect", "choose"]
"""What is asked for: a skill for a family before any trial; the first skill, from a trial; a revision of what there is;
the same of the session that tried the task; skills for a task."""
CheckGroup: TypeAlias = Literal["outcome", "process", ""]
"""outcome: a check looks at what was made. process: at how. Empty: nothing says."""


class TracedTrial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trial whose course is told."""

    cell: str
    """Stream of its cell."""
    task: str
    role: str
    """Of the task, such as ``canonical``."""


class FailedCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A check of a verifier that failed."""

    group: CheckGroup
    name: str
    message: str
    """With every value hidden that the task does not say. Empty: it has none."""


class RubricShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A dimension of a verifier's score."""

    name: str
    ratio: float
    """Part of it that was reached, from 0 to 1."""


class TraceAsked(Event, frozen=True, tag="trace.asked"):
    """What happened in a cell, and what its verifier found, was asked for: an effect, so that no replay reads again."""

    cell: str
    """Stream of the cell."""


class TraceRead(Event, frozen=True, tag="trace.read"):
    """It was put together from what the run recorded. Nothing is shortened; what is expected is no part of it."""

    solved: bool
    reward: float | None
    """In the verifier's own unit. None: nothing says."""
    turns: int
    """Answers of the agent's model."""
    parts: tuple[TrajectoryPart, ...]
    """What was asked, said and done, without anything that the verifier found."""
    outcome: bool | None
    """Whether every check of what was made passed. None: the verifier has no such group, or does not report it."""
    process: bool | None
    """The same of how it was made."""
    failed: tuple[FailedCheck, ...]
    """Checks that failed, in the verifier's order. Empty: none did, or it lists none."""
    rubric: tuple[RubricShare, ...]
    """Dimensions of its score. Empty: it has none."""


class TraceMissing(Event, frozen=True, tag="trace.missing"):
    """There is none that could be told."""

    reason: str


class SessionAsked(Event, frozen=True, tag="session.asked"):
    """The conversation of whoever acted in a cell of this run was asked for, to go on with it."""

    cell: str
    """Stream of the cell."""


class SessionFound(Event, frozen=True, tag="session.found"):
    """It can be gone on with."""

    last: Ref
    """`ModelAnswered`: its last answer."""
    conversation: Digest
    """Blob: a `ConversationNode`; all that was said before that answer."""
    message: Digest | None
    """Blob: that answer, as it may be sent back. None: it holds nothing that can be."""
    tools: Digest | None
    """Blob: what the model could call. None: nothing."""
    size: int
    """Bytes of all these messages."""


class SessionMissing(Event, frozen=True, tag="session.missing"):
    """It cannot be gone on with."""

    reason: str


class AuthorOpened(Event, frozen=True, tag="author.opened"):
    """An author, or a model that chooses skills, is about to be asked."""

    stage: AuthorStage
    family: str
    """Id of the family that it is about."""
    task: str
    """Whose trial it follows, or for which skills are chosen. Empty: a first draft."""
    given: tuple[NamedDigest, ...]
    """Blobs: JSON; what the question is made of, such as ``library``, ``owners``, ``decisions`` and ``skills``."""
    cells: tuple[str, ...]
    """Streams of the cells whose trials it is to be told of. Empty: none."""


class AuthorClosed(Event, frozen=True, tag="author.closed"):
    """The question was answered, or was not."""

    ending: OptimizerEnding
    """As an optimizer's question ends."""
    reason: str
    """Why nothing was read. Empty: it was read."""
    hidden: tuple[HiddenItem, ...]
    """Trials that could not be told. Empty: all were, or none was to be."""
