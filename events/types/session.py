"""Facts about the processes that carried a run. Stream ``session``, written by the runtime.

These are the one stream that a rerun does not produce again: they tell of processes, not of the run.
"""

from typing import Literal

import msgspec

from events.base import Event, Ref
from events.digest import Digest, Fingerprint
from events.values import Loss, NamedDigest


class SessionStarted(Event, frozen=True, tag="session.started"):
    """A process took the run."""

    life: Literal["live", "resume", "fork"]
    token: int
    """Fencing token of its lease."""
    owner: str
    """Who: host name and process id, for people."""
    package: str


class InFlightFound(Event, frozen=True, tag="session.in_flight_found"):
    """Resuming or forking, effects were found that had been asked and not answered. They are asked again."""

    asked: tuple[Ref, ...]


class ScriptPinned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A script as it was when it stood in for a model."""

    name: str
    """As the spec names it: a path below the workspace."""
    digest: Fingerprint
    """Of the file."""


class ScriptsPinned(Event, frozen=True, tag="session.scripts_pinned"):
    """Scripts stand in for models; a run that goes on with others would be told something else."""

    scripts: tuple[ScriptPinned, ...]


class SkillsPinned(Event, frozen=True, tag="session.skills_pinned"):
    """An installed agent is given skills; a run that goes on with others would be another arm of its comparison."""

    files: tuple[NamedDigest, ...]
    """Blobs: every file of them, by path below their folder."""


class InputLeftOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that a person handed over and the run does without."""

    what: str
    """Such as ``task greet`` or ``skill notes``."""
    why: str


class InputsLeftOut(Event, frozen=True, tag="session.inputs_left_out"):
    """What a person handed over was left out before the run began; they were told, or asked for it."""

    inputs: tuple[InputLeftOut, ...]


class InputChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One input that is not what it was when the run started."""

    what: str
    """Such as ``task greet``, ``package stillroom`` or ``revision of the point turn``."""
    before: str
    now: str


class InputsChanged(Event, frozen=True, tag="session.inputs_changed"):
    """Resuming or forking, inputs differed from those the run started with.

    Changed tasks, skills and scripts need a person to say so. A run goes by the prompts that it pins, and by what is
    recorded of its decisions: of those, of the package and of its prompts this is a note.
    """

    changes: tuple[InputChange, ...]


class SettingChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One setting of a fork that is not its parent's."""

    key: str
    """As in a spec, with dots."""
    before: str
    """JSON; ``null`` for one that was not given."""
    now: str


class RunForked(Event, frozen=True, omit_defaults=True, tag="session.run_forked"):
    """A run branched off another. The first event of its stream ``session``; its other streams go on from the cut."""

    parent: str
    """Id of the run it shares its beginning with."""
    cuts: Digest
    """Blob: JSON object; by stream, the last version that is its own too. A stream that is not named begins anew."""
    spec: Digest
    """Blob: the spec in force from the cut on, as canonical JSON."""
    changes: tuple[SettingChange, ...]
    """Empty: the same once more, from the cut on."""
    conditions: tuple[NamedDigest, ...] | None = None
    """Blobs: those in force from the cut on, as in `RunOpened`. None: an earlier version recorded none."""


class SandboxesSwept(Event, frozen=True, tag="session.sandboxes_swept"):
    """Sandboxes that an earlier process left behind were removed."""

    names: tuple[str, ...]


class OutputDiffered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a command printed that was run again, where that is not what it printed before."""

    asked: Ref
    """The recorded request."""
    stdout: Digest
    """Blob: all of it."""
    stderr: Digest


class SandboxRebuilt(Event, frozen=True, tag="session.sandbox_rebuilt"):
    """A sandbox that ended with its process was made again, and what was done in it was done again."""

    stream: str
    """Of the attempt that relies on it."""
    actions: int
    """Commands that were run again; each ended as it is recorded to have ended."""
    differing: tuple[OutputDiffered, ...]
    """Those that printed something else. The agent goes on from what it saw, which is what is recorded."""


class SandboxReopened(Event, frozen=True, tag="session.sandbox_reopened"):
    """A sandbox outlived the process that held it, and was gone on with as it stands: nothing in it was run again."""

    stream: str
    """Of the attempt that relies on it."""
    actions: int
    """Commands that had been run in it, each of them answered."""


class SandboxNotReopened(Event, frozen=True, tag="session.sandbox_not_reopened"):
    """A sandbox that an earlier process had open was not gone on with; what ``on_loss`` says held instead."""

    stream: str
    """Of the attempt that relied on it."""
    why: Loss
    """Which kind of reason it is."""
    detail: str
    """For people."""


class BackgroundFailed(Event, frozen=True, tag="session.background_failed"):
    """Something that runs beside the actors failed. The run goes on without it, or it is restarted."""

    part: str
    """Which: ``lease``, ``notes``, ``control``, ``disk``, ``gateway``, ``progress``, ``sweep`` or ``close``."""
    error: str
    """Class of the error, such as ``ValueError``."""
    detail: str
    """The error's message, for people."""
    traceback: Digest | None
    """Blob: where it was raised. None: it could not be kept."""
    retry_in_s: float | None
    """Seconds until it is restarted. None: it stays off for the rest of the session."""


class SignalReceived(Event, frozen=True, tag="session.signal_received"):
    """The process was told to stop by a signal: a person pressed Ctrl-C, or the machine shuts down."""

    signal: Literal["SIGINT", "SIGTERM", "SIGHUP"]


class SessionEnded(Event, frozen=True, tag="session.ended"):
    """The process let go of the run in good order."""

    reason: Literal["completed", "interrupted", "failed", "drained"]


class ScopeStopped(Event, frozen=True, tag="scope.stopped"):
    """An actor was stopped at this point of its own stream, before its next effect. Written by its scope.

    A stop is a recorded value: a replay meets it in the history, at the same place, without a timer.
    """

    reason: Literal["sandbox_lost", "cancelled"]
    detail: str
