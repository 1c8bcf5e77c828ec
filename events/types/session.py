"""Facts about the processes that executed a run. Stream ``session``, written by the runtime.

A rerun does not reproduce this stream: it describes processes, not the run.
"""

from typing import Literal

import msgspec

from events.base import Event, Ref
from events.digest import Digest, Fingerprint
from events.values import Loss, NamedDigest, Role


class SessionStarted(Event, frozen=True, tag="session.started"):
    """A process became the owner of the run."""

    life: Literal["live", "resume", "fork"]
    token: int
    """Fencing token of its lease."""
    owner: str
    """Host name and process id, for people."""
    package: str


class RunNamed(Event, frozen=True, tag="session.run_named"):
    """A person gave the run a name, by which commands find it besides its id."""

    name: str
    """Letters, digits, points, underscores and hyphens."""


class InFlightFound(Event, frozen=True, tag="session.in_flight_found"):
    """A resume or fork found effects that were asked and not answered. They are asked again."""

    asked: tuple[Ref, ...]


class CallLeftOpen(Event, frozen=True, tag="session.call_left_open"):
    """A provider refused a call for a reason that only a person can remove, and the run stopped for it.

    The call itself has no outcome on record: a resume makes it again. Nothing is counted for it, and a resume does not
    list it among the effects that were in flight.
    """

    asked: Ref
    role: Role
    model: str
    kind: str
    """Of the failure, as in `ModelFailed`."""
    status: int | None
    """HTTP status. None: no answer began."""
    detail: str
    reply: Digest | None
    """Blob: the body of the answer. None: there was none."""


class ScriptPinned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A script that replaces a model, as it was at that time."""

    name: str
    """As the spec names it: a path below the workspace."""
    digest: Fingerprint
    """Of the file."""


class ScriptsPinned(Event, frozen=True, tag="session.scripts_pinned"):
    """Scripts replace models. They are pinned, because other scripts would give other answers."""

    scripts: tuple[ScriptPinned, ...]


class SkillsPinned(Event, frozen=True, tag="session.skills_pinned"):
    """An installed agent is given skills. They are pinned, because other skills would be another condition."""

    files: tuple[NamedDigest, ...]
    """Blobs: every file of the skills, by path below their folder."""


class InputLeftOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An input that the run skips."""

    what: str
    """Such as ``task greet`` or ``skill notes``."""
    why: str


class InputsLeftOut(Event, frozen=True, tag="session.inputs_left_out"):
    """Inputs were skipped before the run started; the user was warned, or asked for it."""

    inputs: tuple[InputLeftOut, ...]


class GivenSkill(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A skill that an arm gives, and where it came from."""

    arm: str
    skill: str
    """Name of its folder."""
    digest: Fingerprint
    """Digest of its folder as it is given: of its files, by path and content."""
    source: str
    """As the spec names it."""
    part: Literal["own", "placebo", "beside"]
    """own: the skill that is measured. placebo: neutral text in its place. beside: it is given beside that skill, and
    belongs to no item."""
    item: str | None = None
    """Item that it is given to. None: to every item of the arm."""
    run: str | None = None
    """Run that accepted it. None: it was read from a folder."""
    revision: int | None = None
    """Its number in that run, from 1; 0 if it was imported. None: it was read from a folder."""


class ArmSkillsPinned(Event, frozen=True, tag="session.arm_skills_pinned"):
    """The skills of the arms were found before the run or the fork began. Conditions name their bytes."""

    skills: tuple[GivenSkill, ...]
    """By arm and item, sorted."""


class FoundImageSkills(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Skills that the image of a task brings, beside those that arms give."""

    task: str
    found: tuple[str, ...]
    """Where in its folder, such as lines of its Dockerfile; all of it can be taken out."""
    left: tuple[str, ...]
    """What cannot be taken out, or cannot be known before it runs, such as what a prebuilt image holds."""
    stripped: bool
    """Whether what was found is taken out, in every arm. False: the spec keeps it."""


class ImageSkillsFound(Event, frozen=True, tag="session.image_skills_found"):
    """Images of tasks bring skills of their own, or may."""

    tasks: tuple[FoundImageSkills, ...]


class InputChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One input that changed since the run started."""

    what: str
    """Such as ``task greet``, ``package stillroom`` or ``revision of the point turn``."""
    before: str
    now: str


class InputsChanged(Event, frozen=True, tag="session.inputs_changed"):
    """A resume or fork found inputs that differ from those the run started with.

    Changed tasks, skills and scripts need ``--accept-changes``. Changes of the package, of prompts and of the revisions
    of points are only noted: a run uses the prompts that it pinned and the decisions that it recorded.
    """

    changes: tuple[InputChange, ...]


class SettingChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One setting that a fork changed."""

    key: str
    """As in a spec, with dots."""
    before: str
    """JSON; ``null`` if it was not set."""
    now: str


class RunForked(Event, frozen=True, omit_defaults=True, tag="session.run_forked"):
    """A run was forked from another. First event of its stream ``session``; its other streams continue from the cut."""

    parent: str
    """Id of the run that it shares its beginning with."""
    cuts: Digest
    """Blob: JSON object; by stream, the last version that is shared. A stream that is not named starts empty."""
    spec: Digest
    """Blob: the spec in force from the cut on, as canonical JSON."""
    changes: tuple[SettingChange, ...]
    """Empty: the same settings from the cut on."""
    conditions: tuple[NamedDigest, ...] | None = None
    """Blobs: those in force from the cut on, as in `RunOpened`. None: an earlier version recorded none."""


class SandboxesSwept(Event, frozen=True, tag="session.sandboxes_swept"):
    """Sandboxes left behind by an earlier process were removed."""

    names: tuple[str, ...]


class OutputDiffered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Output of a repeated command that differs from its recorded output."""

    asked: Ref
    """The recorded request."""
    stdout: Digest
    """Blob: all of it."""
    stderr: Digest


class SandboxRebuilt(Event, frozen=True, tag="session.sandbox_rebuilt"):
    """A sandbox that ended with its process was rebuilt by running its recorded commands again."""

    stream: str
    """Stream of the attempt that uses it."""
    actions: int
    """Number of repeated commands; each ended as recorded."""
    differing: tuple[OutputDiffered, ...]
    """Commands whose output differed. The agent continues from the recorded output."""


class SandboxReopened(Event, frozen=True, tag="session.sandbox_reopened"):
    """A sandbox outlived the process that owned it and was reattached as it is; no command was repeated."""

    stream: str
    """Stream of the attempt that uses it."""
    actions: int
    """Number of commands that had been run in it, all of them answered."""


class SandboxNotReopened(Event, frozen=True, tag="session.sandbox_not_reopened"):
    """A sandbox that an earlier process had open could not be reattached; ``on_loss`` decided what happened instead."""

    stream: str
    """Stream of the attempt that used it."""
    why: Loss
    """Kind of the reason."""
    detail: str
    """For people."""


class BackgroundFailed(Event, frozen=True, tag="session.background_failed"):
    """A background part failed. The run continues without it, or the part is restarted."""

    part: str
    """One of ``lease``, ``notes``, ``control``, ``disk``, ``gateway``, ``progress``, ``sweep`` or ``close``."""
    error: str
    """Class of the error, such as ``ValueError``."""
    detail: str
    """The error's message, for people."""
    traceback: Digest | None
    """Blob: where it was raised. None: it could not be kept."""
    retry_in_s: float | None
    """Seconds until it is restarted. None: it stays off for the rest of the session."""


class SignalReceived(Event, frozen=True, tag="session.signal_received"):
    """The process received a signal to stop, such as from Ctrl-C or a shutdown of the machine."""

    signal: Literal["SIGINT", "SIGTERM", "SIGHUP"]


class SessionEnded(Event, frozen=True, tag="session.ended"):
    """The process released the run in an orderly way."""

    reason: Literal["completed", "interrupted", "failed", "drained"]


class ScopeStopped(Event, frozen=True, tag="scope.stopped"):
    """An actor was stopped at this point of its own stream, before its next effect. Written by its scope.

    A stop is a recorded value: a replay meets it in the history, at the same place, without a timer.
    """

    reason: Literal["sandbox_lost", "cancelled"]
    detail: str
