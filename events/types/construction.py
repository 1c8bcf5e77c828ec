"""Facts about tasks that are constructed. Stream ``construct/<name>``, a straight line, written by its actor.

What the author and the critic said is a decision of that stream; so is the proof, as in every proof of a task.
"""

from typing import Literal, TypeAlias

import msgspec

from events.base import Event
from events.digest import Digest, Fingerprint
from events.types.decision import Decided
from events.values import NamedDigest

ConstructionEnding: TypeAlias = Literal[
    "published", "rejected", "not_proved", "refused", "unreadable", "unanswered", "budget", "stopped"
]
"""rejected: no round brought a task that is sound. not_proved: the infrastructure failed while it was proved. refused:
it was sound, and could not be published, such as where a task of its name stands. unreadable: no blueprint could be
read of what the author said. unanswered: a call of its model failed. budget: nothing more could be paid for."""


class BriefsAsked(Event, frozen=True, tag="construction.briefs_asked"):
    """The prompt specs of a run were requested: an effect, so that a replay reads no file."""

    path: str
    """File, or folder of files."""


class OriginalsAsked(Event, frozen=True, tag="construction.originals_asked"):
    """Tasks to vary were requested, in place of prompt specs; the answer describes each variant."""

    path: str
    """A task folder, or a folder of them."""
    count: int
    """Variants of each."""


class BriefsRead(Event, frozen=True, tag="construction.briefs_read"):
    """They were read, and each can be worked by."""

    briefs: tuple[NamedDigest, ...]
    """Blobs: each as canonical JSON, by the name of the task that is to be made."""


class BriefsMissing(Event, frozen=True, tag="construction.briefs_missing"):
    """They cannot be read any more."""

    reason: str


class ConstructionOpened(Event, frozen=True, tag="construction.opened"):
    """The construction of a task was begun."""

    name: str
    """Of the task, for good: whatever the author calls it."""
    brief: Digest
    """Blob: the prompt spec, as canonical JSON."""


class BlueprintProposed(Event, frozen=True, tag="blueprint.proposed"):
    """The author proposed a task, or another one in place of it."""

    round: int
    """From 1."""
    blueprint: Digest
    """Blob: JSON, as it was read of the author's answer."""


class BlueprintRepair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that was put right without asking anybody."""

    field: str
    """Of the blueprint, such as ``environment.allow_internet``."""
    change: str
    """What was done."""
    reason: str
    """Why it may be done without asking."""


class BlueprintRepaired(Decided, frozen=True, tag="blueprint.repaired"):
    """What can be put right by rule was."""

    blueprint: Digest
    """Blob: JSON, as it counts from here on."""
    repairs: tuple[BlueprintRepair, ...]
    """Empty: nothing was to be put right."""


class BlueprintIssue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that is wrong with a blueprint."""

    severity: Literal["error", "warning"]
    """error: it is not published so."""
    area: str
    message: str
    by: Literal["rule", "model"]


class BlueprintCritiqued(Decided, frozen=True, tag="blueprint.critiqued"):
    """It was looked through, by rules and by a model."""

    issues: tuple[BlueprintIssue, ...]
    blocking: int
    """Those that are errors."""


class RenderedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a task."""

    path: str
    """POSIX path below the task's folder."""
    digest: Digest
    """Blob: its bytes."""
    runs: bool
    """Whether it is executable."""


class RenderAsked(Event, frozen=True, tag="task.render_asked"):
    """A task's folder was requested to be made of files, for sandboxes of this run to open."""

    task: str
    """As trials name it."""
    files: tuple[RenderedFile, ...]


class TaskRendered(Event, frozen=True, tag="task.rendered"):
    """It is there."""

    task: str
    digest: Fingerprint
    """Package digest of the folder."""
    files: tuple[RenderedFile, ...]


class RenderRefused(Event, frozen=True, tag="task.render_refused"):
    """What was made is no task, or none that the sandbox can run."""

    reason: str


class PublishAsked(Event, frozen=True, tag="task.publish_asked"):
    """A task was requested to be put where people find it, whole or not at all."""

    folder: str
    """In which its own folder is to stand."""
    name: str
    files: tuple[RenderedFile, ...]


class TaskPublished(Event, frozen=True, tag="task.published"):
    """It stands there. Nothing was overwritten."""

    name: str
    digest: Fingerprint
    """Package digest of the folder."""


class PublishRefused(Event, frozen=True, tag="task.publish_refused"):
    """Something else stands there, or the folder cannot be written."""

    reason: str


class ConstructionClosed(Event, frozen=True, tag="construction.closed"):
    """The construction ended."""

    ending: ConstructionEnding
    rounds: int
    """Blueprints that were proposed."""
    reasons: tuple[str, ...]
    """Why there is no task. Empty: there is one."""
