"""The contract of a sandbox: what every backend promises, and what the conformance suite checks.

A backend opens sandboxes; a sandbox runs commands and keeps files. The promises are in the docstrings;
``sandbox/conformance/suite.py`` has one numbered check for each that can be tried.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from msgspec import Struct

from events.values import Loss
from sandbox.archive import FileEntry
from sandbox.harbor.schema import NetworkMode
from sandbox.harbor.task import Task

MIB = 1024 * 1024
"""Bytes."""


class Limits(Struct, frozen=True):
    """What one sandbox may use. The backend's ``describe()`` says which of these it enforces, and how."""

    memory_bytes: int = 4096 * MIB
    """Memory; from 1. The local backend applies it to each process (``RLIMIT_DATA``), not to their sum."""
    processes: int = 512
    """Processes and threads at one time, in the whole sandbox; from 1."""
    file_bytes: int = 10240 * MIB
    """Largest single file that may be written; from 1."""
    disk_bytes: int = 10240 * MIB
    """What may be written in all, unless the task says; from 1. Watched by ``DiskWatch``, no backend's affair."""


Ended = Literal["exited", "timed_out", "output_limit", "memory", "disk"]
"""How a command ended: by itself, or killed because of the named limit.

``memory`` is said only by a backend that can tell (a container's OOM event). Elsewhere a command short of
memory sees its allocation fail and ends by itself. ``disk`` is said by ``DiskWatch``: too much was written in all.
"""

Promise = Literal["filesystem", "pids", "network", "processes", "memory", "escape"]
"""What a backend may enforce: see ``Isolation.enforces``."""

DEFAULT_OUTPUT_BYTES = 16 * MIB
DEFAULT_TREE_BYTES = 256 * MIB


class ExecResult(Struct, frozen=True):
    """What a command did: data that a replay compares, hence no durations and no host names."""

    exit_code: int | None
    """0 to 255; 128 + n when signal n ended it; None when a limit of ours killed it."""
    stdout: bytes
    """All it wrote, unless ``ended`` says ``output_limit``: then what fitted."""
    stderr: bytes
    ended: Ended
    stdout_bytes: int
    """Bytes received, kept or not; with ``output_limit`` more may have been on its way."""
    stderr_bytes: int


class Isolation(Struct, frozen=True):
    """What a backend can promise on this machine, for ``stillroom doctor`` and for the head of a run."""

    level: Literal["none", "namespaces", "container"]
    reason: str
    """One sentence: why it is this level, and no better."""
    remedy: str | None
    """What would raise the level; None when nothing needs doing."""
    enforces: frozenset[Promise]
    """filesystem: nothing of the host but programs can be seen. pids: no host process can be seen.
    network: ``no-network`` is kept. processes, memory: the limits hold. escape: no process outlives
    ``halt()``, however it detached itself."""
    warnings: tuple[str, ...] = ()
    """What a person must be told before a run. Empty means there is nothing to say."""
    lacking: bool = False
    """Whether it isolates nothing although isolation was asked for. No run starts in it."""


class Mount(Struct, frozen=True):
    """A folder of the host that a sandbox sees, and cannot change unless its backend isolates nothing."""

    source: Path
    target: str
    """Absolute path inside; nothing of the task lies there."""


class SandboxSpec(Struct, frozen=True):
    """One sandbox that is wanted."""

    id: str
    """Derived from its place (run, trial, attempt), unique in the workspace; names its folder."""
    task: Task
    """Its environment is what the sandbox is built from."""
    env: Mapping[str, str] = {}
    """Values for the ``${NAME}`` templates in ``environment.env``; the only way in from the host."""
    limits: Limits = Limits()
    mounts: tuple[Mount, ...] = ()
    session: int | None = None
    """Number of the process's hold on the run, from 1, by which it is known later which process made the sandbox.
    None: it is not to outlive its process."""


class SandboxGone(Struct, frozen=True):
    """Why a sandbox of an earlier process is not gone on with."""

    why: Loss
    detail: str
    """For people."""


class Sandbox(Protocol):
    """One open sandbox.

    Every method may be called concurrently with the others, except that ``halt`` and ``close`` end what runs.
    Every method raises ``SandboxLost`` when the sandbox is closed or has broken: a failure of ours is
    never an ``ExecResult``, so that it cannot be mistaken for what a command did. Cancelling any method
    kills what it started; the sandbox stays usable. Paths are absolute POSIX paths inside the sandbox.
    """

    @property
    def id(self) -> str:
        """As given in the spec."""
        ...

    @property
    def workdir(self) -> str:
        """Where commands run unless they say otherwise."""
        ...

    async def exec(
        self,
        command: str,
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | int | None = None,
        timeout_s: float | None = None,
        max_output_bytes: int = DEFAULT_OUTPUT_BYTES,
    ) -> ExecResult:
        """Run a command with the sandbox's shell and wait until the *command* ends.

        A process it leaves in the background goes on until ``halt`` or ``close``, and does not delay the
        answer though it may hold the output open; what it writes later is not part of any result.
        Standard input is empty. Both outputs are drained all the time, so no command blocks on them.

        Args:
            command: Text for ``bash -c`` (a container without bash: ``sh -c``).
            cwd: Working folder; None for ``workdir``.
            env: Added to the sandbox's environment, and stronger. Nothing comes from the host's.
            user: User name or id; None for the default. A backend with one user refuses others.
            timeout_s: Seconds; None for no limit. When they have passed the command's process group is
                killed, ``ended`` is ``timed_out``, and what it had written is kept.
            max_output_bytes: Bytes of both outputs together. One more kills the command's process group
                and ``ended`` is ``output_limit``: nothing is cut off without saying so.

        Raises:
            PathRefused: The working folder does not exist. The command did not start.
            Unsupported: The backend cannot run as that user.
            SandboxLost: The sandbox is closed, or broke; whether the command ran is then unknown.
        """
        ...

    async def write_file(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Write exactly these bytes, making folders above it as needed and replacing what was there.

        Raises:
            PathRefused: It cannot be written there.
        """
        ...

    async def read_file(self, path: str, *, max_bytes: int = DEFAULT_TREE_BYTES) -> bytes:
        """Read exactly the bytes of a regular file.

        Raises:
            PathRefused: It is missing, is not a regular file, or is larger than ``max_bytes``.
        """
        ...

    async def put_dir(self, source: Path, path: str) -> None:
        """Copy what is in a host folder into a folder of the sandbox, over what is there.

        Modes are kept, scripts (``*.sh``) are made executable, links stay links, everything belongs to
        the sandbox's user. The folder is made when missing.

        Raises:
            PathRefused: It cannot be written there.
        """
        ...

    async def read_tree(self, path: str, *, max_bytes: int = DEFAULT_TREE_BYTES) -> tuple[FileEntry, ...]:
        """Everything below a folder with its content, sorted by path.

        Raises:
            PathRefused: It is missing, is not a folder, or holds more than ``max_bytes``.
        """
        ...

    async def set_network(self, mode: NetworkMode) -> None:
        """Open the way to the network, or close it, while what runs goes on.

        Only between the modes that the task names for its phases; a backend that cannot has refused the task.
        """
        ...

    async def disk_bytes(self) -> int:
        """Measure what its files take on the disk: those of its environment too where the backend cannot tell."""
        ...

    async def halt(self) -> None:
        """Kill every process of the sandbox and keep its files. Commands may be run afterwards."""
        ...

    async def close(self) -> None:
        """Kill every process and remove every file; again is fine.

        Bounded in time, and not cancelled half-way. What could not be removed is left for ``sweep``.
        """
        ...


@runtime_checkable
class Restorable(Protocol):
    """What a sandbox can do besides, if its files can be set back: to verify one final state more than once."""

    async def keep(self) -> bool:
        """Kill every process, and keep all files as they are now. False: they cannot be read, and are not kept."""
        ...

    async def restore(self) -> None:
        """Kill every process, and set all files back to what was kept; nothing is done where nothing was.

        Raises:
            SandboxLost: They cannot be set back.
        """
        ...


class SandboxBackend(Protocol):
    """A way to make sandboxes."""

    @property
    def name(self) -> str:
        """As written in a spec; a word."""
        ...

    @property
    def disk(self) -> Path | None:
        """A folder on the file system that its sandboxes write to. None: that is on no file system of this machine."""
        ...

    def describe(self) -> Isolation:
        """What this backend can promise on this machine."""
        ...

    def check(self, task: Task) -> list[str]:
        """Features of this task that the backend cannot honour, by name; empty means it can run.

        Reads the task's folder, and touches nothing.
        """
        ...

    def notes(self, task: Task) -> list[str]:
        """Features it honours less strictly than a container would, by name; worth a line in a report."""
        ...

    @property
    def lasting(self) -> "Reattachable | None":
        """How its sandboxes outlive the process that opened them. None: they end with it."""
        ...

    async def sweep(self, which: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove what sandboxes left behind when their process died, by their ids; name each thing.

        Touches nothing of anybody else's. Only where none of these sandboxes is open.
        """
        ...

    async def open(self, spec: SandboxSpec) -> Sandbox:
        """Make a sandbox from the task's environment folder. Nothing of it is left if this fails.

        Raises:
            Unsupported: ``check`` names something, or the task is untrusted and the backend isolates nothing.
            SandboxUnavailable: The machine cannot, or a sandbox of this id exists.
        """
        ...


class Reattachable(Protocol):
    """What a backend can do besides, if its sandboxes go on when the process that opened them is killed."""

    async def reopen(self, spec: SandboxSpec, *, opened_in: int) -> Sandbox | SandboxGone:
        """Take up a sandbox that an earlier process left open, as it stands: files, and what runs in the background.

        The caller knows that no command was in flight in it. Where it is not given back, what is left of it is for
        ``sweep``.

        Args:
            spec: With what it was opened, but for ``session``, which is that of whoever takes it up.
            opened_in: Session in which it was opened. One that was opened in another is not the one that is wanted.
        """
        ...


LeftoverKind = Literal["container", "network", "volume", "image"]


class Leftover(Struct, frozen=True):
    """Something that nobody needs any more."""

    kind: LeftoverKind
    id: str
    """By which the backend knows it."""
    name: str
    """For people."""
    owner: str
    """The process that made it; empty for an image, which belongs to nobody."""
    workspace: str
    """Name of the workspace it was made for; empty for an image."""


@runtime_checkable
class LeftoverRemover(Protocol):
    """What a backend can do besides, if all workspaces of a machine keep their sandboxes in one place."""

    async def leftovers(self, ended: Callable[[str], bool], *, images: bool) -> list[Leftover]:
        """List what processes that have ended left there, in the order in which it can be removed.

        Args:
            ended: Says whether a process is known to have ended.
            images: Whether to list all task images that nothing uses. False: only those that others have replaced.
        """
        ...

    async def remove(self, leftovers: Sequence[Leftover]) -> list[tuple[Leftover, str]]:
        """Remove what was left there; give what could not be, with the reason."""
        ...


def beginning(prefix: str) -> Callable[[str], bool]:
    """Choose sandboxes by what their ids begin with."""
    return lambda sandbox: sandbox.startswith(prefix)
