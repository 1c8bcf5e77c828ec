"""Effects on a sandbox: opened, commands run in it, verified, released. In the attempt's stream."""

from typing import Literal

import msgspec

from events.base import Event
from events.digest import Digest
from events.types.agent import SkillRead
from events.values import NamedDigest


class Workspace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a sandbox holds that is no task's."""

    dockerfile: Digest
    """Blob: how its image is built, from an empty folder."""
    files: tuple[NamedDigest, ...]
    """Blobs: files in its working folder, by relative POSIX path."""


class SandboxAsked(Event, frozen=True, omit_defaults=True, tag="sandbox.asked"):
    """A fresh sandbox was requested."""

    backend: str
    task: str
    """Name of the task, or of the item."""
    condition: Digest | None = None
    """Blob: the condition whose skills the sandbox is to show to the agent. None: it says nothing of skills, or an
    earlier version recorded this; an installed agent was then given those of `session.skills_pinned`."""
    workspace: Workspace | None = None
    """What it holds, where it is for an item that is no task. None: the environment of the task."""
    world: Digest | None = None
    """Blob: the world outside of it into which it has a door, with how it begins. None: there is none."""


class SandboxOpened(Event, frozen=True, tag="sandbox.opened"):
    """The sandbox is open, with the task's environment in it."""

    isolation: Literal["none", "namespaces", "container"]
    """How it is isolated from the host; every view names ``none`` explicitly."""


class SandboxFailed(Event, frozen=True, tag="sandbox.failed"):
    """The sandbox could not be opened, or was lost. This is never a failure of the agent."""

    kind: Literal["unavailable", "lost", "unsupported"]
    detail: str


class ActionAsked(Event, frozen=True, tag="action.asked"):
    """The agent requested a command."""

    command: Digest
    """Blob: the command as the agent wrote it."""
    timeout_s: float | None
    """Time limit in seconds. None: it has no limit of its own."""


class SolutionAsked(Event, frozen=True, tag="solution.asked"):
    """The oracle requested that the task's own solution be copied into the sandbox and run. Observed like an action."""

    task: str
    timeout_s: float | None


class ActionObserved(Event, frozen=True, omit_defaults=True, tag="action.observed"):
    """The command ended."""

    exit_code: int | None
    """None if it was killed."""
    ended: Literal["exited", "timed_out", "output_limit", "memory", "disk", "killed"]
    stdout: Digest
    """Blob: all of it."""
    stderr: Digest
    reads: tuple[SkillRead, ...] | None = None
    """Files of skills that were touched since the command before, by name, as the kernel told it. Empty: none was.
    None: no skills were shown, or nobody can know."""


class VerifyAsked(Event, frozen=True, tag="verify.asked"):
    """The verifier was requested to judge the state that the agent left."""

    task: str


class KeepAsked(Event, frozen=True, tag="state.keep_asked"):
    """The state that the agent left was to be kept, so that it can be verified more than once."""


class StateKept(Event, frozen=True, tag="state.kept"):
    """It was, as far as the sandbox can."""

    restorable: bool
    """True: each further verification finds the files as the agent left them. False: the sandbox cannot be set back:
    it finds what the verification before left, but for its tests and its logs."""


class VerifyAgainAsked(Event, frozen=True, tag="verify.again_asked"):
    """The verifier was requested to judge the kept state once more."""

    task: str


class VerifierRewarded(Event, frozen=True, tag="verify.rewarded"):
    """The verifier left a reward."""

    rewards: dict[str, float]
    """By the verifier's own names; finite numbers."""
    reward: float
    """The one that counts."""
    exit_code: int | None
    """Of the verifier; it does not affect the reward. None: it was killed, or did not start."""
    stdout: Digest
    """Blob: what it printed."""
    stderr: Digest
    files: tuple[NamedDigest, ...]
    """Blobs: every file in its log folder, and the task's artifacts by their absolute paths."""


class VerifierSilent(Event, frozen=True, tag="verify.silent"):
    """The verifier ran and left no usable reward. That is not a reward of 0."""

    reason: str
    """Short and stable, such as ``missing``, ``empty``, ``malformed``, ``timed_out``."""
    detail: str
    exit_code: int | None
    stdout: Digest
    stderr: Digest
    files: tuple[NamedDigest, ...]


class FilesAsked(Event, frozen=True, tag="files.asked"):
    """Files that whoever acted left were requested. First, everything that runs in the sandbox is ended."""

    names: tuple[str, ...]
    """Relative POSIX paths in the working folder of the sandbox."""


class FilesTaken(Event, frozen=True, tag="files.taken"):
    """They were read."""

    files: tuple[NamedDigest, ...]
    """Blobs: those that were there, in the order in which they were requested."""
    missing: dict[str, str]
    """Why each of the others could not be read, by name: it was not written, is no regular file, or is too large."""


class ReleaseAsked(Event, frozen=True, tag="sandbox.release_asked"):
    """The sandbox is no longer needed."""


class SandboxReleased(Event, frozen=True, tag="sandbox.released"):
    """The sandbox was removed, with everything that ran in it."""
