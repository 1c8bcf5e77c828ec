"""The local backend: bubblewrap, or plain processes where that is asked for by name or nothing else works.

| | bubblewrap | plain |
| --- | --- | --- |
| files of the host | programs only (``/usr``, our Python), read-only | all that our user may see |
| network | none, or the host's if the operator shares it | the host's |
| processes of the host | unseen | seen |
| escape by a background process | none: the namespace ends | only by clearing its environment |
| memory | each process (``RLIMIT_DATA``); ``/dev/shm`` 64 MiB | each process |
| number of processes | the whole sandbox (kernel 5.14 and later) | not limited |
| size of a file | limited | limited |
| all files together, CPU | not limited | not limited |
| untrusted tasks | yes | refused |

A run starts in plain processes only where they were asked for (`--sandbox none`): ``describe()`` tells the two apart.
Background processes go on between commands, as in a container; ``halt`` and ``close`` end them.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Literal

import anyio
from anyio import CancelScope
from msgspec import Struct

from sandbox.base import Isolation, Limits, Sandbox, SandboxSpec
from sandbox.errors import InfrastructureError, Unsupported
from sandbox.harbor.task import Task
from sandbox.local.bubblewrap import TOOLS, BubblewrapIsolation
from sandbox.local.build import build, plain_refusals, sandbox_env, workdir_of
from sandbox.local.build_steps import recipe_of
from sandbox.local.isolation import PROGRAMS_PATH, IsolationBackend, IsolationOptions
from sandbox.local.requirements import HostNetwork, noted, refused
from sandbox.local.sandbox import LocalSandbox
from sandbox.local.unisolated import Unisolated
from sandbox.outputs import InheritedPipes
from sandbox.process import ProcessSpec, Stuck, run
from sandbox.scratch import Scratch, make, remove, sweep

NAME: Final = "local"
_MIB: Final = 1024 * 1024
_INSTALL: Final = "apt-get install bubblewrap util-linux"
_PROBE: Final = "probe"


class Confined(Struct, frozen=True):
    """Bubblewrap was tried, and works."""


class Bare(Struct, frozen=True):
    """Nothing confines; why, and what would help."""

    reason: str
    remedy: str
    asked: bool = False
    """Whether this was asked for by name."""


class LocalBackend:
    """Sandboxes on this machine. Made by ``local_backend``, which tries what works."""

    def __init__(
        self, workspace: Path, *, way: Confined | Bare, network: HostNetwork = "none", opened_at_once: int | None = None
    ) -> None:
        """Say where and how.

        Args:
            workspace: Folder for the sandboxes' folders.
            way: What confines.
            network: See `local_backend`.
            opened_at_once: Sandboxes that begin at a time, from 1. None: as many as this process may use processors.
        """
        self._workspace = workspace
        self._way = way
        self._network = network
        # Begun side by side, hundreds would all be ready at the end, and no model would be asked meanwhile.
        self._opening = anyio.Semaphore(_processors() if opened_at_once is None else opened_at_once)

    @property
    def name(self) -> str:
        """See ``SandboxBackend``."""
        return NAME

    @property
    def disk(self) -> Path | None:
        """See ``SandboxBackend``."""
        return self._workspace

    @property
    def _reach(self) -> HostNetwork:
        match self._way:
            case Confined():
                return self._network
            case Bare():
                return "host"

    def describe(self) -> Isolation:
        """See ``SandboxBackend``."""
        match self._way:
            case Confined():
                return _confined(self._network)
            case Bare(reason, remedy, asked):
                return Isolation(
                    level="none",
                    reason=reason,
                    remedy=remedy,
                    enforces=frozenset({"memory"}) if shutil.which("prlimit", path=PROGRAMS_PATH) else frozenset(),
                    warnings=(_loud(reason, remedy),) if asked else (),
                    lacking=not asked,
                )

    def check(self, task: Task) -> list[str]:
        """See ``SandboxBackend``."""
        recipe = recipe_of(task.dockerfile, task.environment, task.hidden)
        match self._way:
            case Confined():
                return list(refused(task, recipe, self._network))
            case Bare():
                return [*plain_refusals(task, recipe), *refused(task, recipe, "host")]

    def notes(self, task: Task) -> list[str]:
        """See ``SandboxBackend``."""
        return list(noted(task, recipe_of(task.dockerfile, task.environment, task.hidden), self._reach))

    @property
    def lasting(self) -> None:
        """None: the kernel ends its processes with ours."""
        return

    async def sweep(self, which: Callable[[str], bool]) -> tuple[str, ...]:
        """See ``SandboxBackend``."""
        return tuple(folder.name for folder in await anyio.to_thread.run_sync(sweep, self._workspace, which))

    async def open(self, spec: SandboxSpec) -> Sandbox:
        """See ``SandboxBackend``."""
        features = self.check(spec.task)
        if features:
            raise Unsupported(NAME, features)
        recipe = recipe_of(spec.task.dockerfile, spec.task.environment, spec.task.hidden)
        env = sandbox_env(spec, recipe)
        scratch = await anyio.to_thread.run_sync(make, self._workspace, spec.id, spec.session)
        async with AsyncExitStack() as undo:
            undo.push_async_callback(_remove, scratch)
            cell = self._cell(spec, scratch, env)
            sandbox = LocalSandbox(spec.id, scratch=scratch, cell=cell, workdir=workdir_of(spec.task, recipe))
            undo.push_async_callback(sandbox.close)
            async with self._opening:
                await cell.start()
                if not recipe.runs:
                    await build(sandbox, spec, recipe)
            if recipe.runs:  # for as long as its lines take
                await build(sandbox, spec, recipe)
            undo.pop_all()
        return sandbox

    def _cell(self, spec: SandboxSpec, scratch: Scratch, env: Mapping[str, str]) -> IsolationBackend:
        limits = _limits(spec)
        confinement = IsolationOptions(
            env=env,
            memory_bytes=limits.memory_bytes,
            processes=limits.processes,
            file_bytes=limits.file_bytes,
        )
        recipe = recipe_of(spec.task.dockerfile, spec.task.environment, spec.task.hidden)
        match self._way:
            case Confined():
                share = self._network == "host" and spec.task.config.environment.network_mode != "no-network"
                return BubblewrapIsolation(spec.id, scratch, confinement, share_network=share, mounts=spec.mounts)
            case Bare():
                return Unisolated(scratch, confinement, (workdir_of(spec.task, recipe), recipe.workdir), spec.mounts)


async def local_backend(
    workspace: Path,
    *,
    way: Literal["best", "plain"] = "best",
    network: HostNetwork = "none",
) -> LocalBackend:
    """The best local backend of this machine: bubblewrap is really run once, since having it is not enough.

    Where it does not work, the backend isolates nothing and says so (`Isolation.lacking`): no run starts in it.

    Args:
        workspace: Folder for the sandboxes' folders; made when missing. It should not be shared.
        way: ``plain`` does without isolation on purpose, and runs start.
        network: Whether tasks that ask for the network get the host's, its loopback included.
    """
    if way == "plain":
        chosen: Confined | Bare = Bare(
            reason="as --sandbox none asks for", remedy="choose --sandbox local or docker", asked=True
        )
    else:
        chosen = await _try_bubblewrap(workspace)
    return LocalBackend(workspace, way=chosen, network=network)


async def _try_bubblewrap(workspace: Path) -> Confined | Bare:
    missing = [tool for tool in TOOLS if shutil.which(tool, path=PROGRAMS_PATH) is None]
    if missing:
        return Bare(reason=f"not installed: {', '.join(missing)}", remedy=_INSTALL)
    lingering = InheritedPipes()
    try:
        scratch = await anyio.to_thread.run_sync(make, workspace, f"{_PROBE}-{id(lingering)}")
    except InfrastructureError as error:
        return Bare(reason=error.problem, remedy=error.remedy)
    confinement = IsolationOptions(env={"PATH": PROGRAMS_PATH}, memory_bytes=256 * _MIB, processes=64, file_bytes=_MIB)
    cell = BubblewrapIsolation(_PROBE, scratch, confinement, share_network=False, mounts=())
    try:
        await cell.start()
        done = await run(ProcessSpec(argv=cell.argv(["true"], "/"), env=cell.environment(), timeout_s=20), lingering)
    except (InfrastructureError, OSError, Stuck) as error:
        return Bare(reason=f"bubblewrap does not work here: {error}", remedy="allow user namespaces, or use docker")
    finally:
        await cell.kill()
        await _remove(scratch)
    if done.returncode == 0:
        return Confined()
    said = done.stderr.decode(errors="replace").strip()
    return Bare(reason=f"bubblewrap does not work here: {said}", remedy="allow user namespaces, or use docker")


def _loud(reason: str, remedy: str) -> str:
    return (
        f"commands run on this machine WITHOUT ISOLATION ({reason}): they see its files, its network and its "
        f"processes; tasks marked untrusted are refused. Remedy: {remedy}"
    )


def _confined(network: HostNetwork) -> Isolation:
    enforces = {"filesystem", "pids", "processes", "memory", "escape", "network"}
    shared = () if network == "none" else ("sandboxes of tasks that ask for it share this machine's network",)
    return Isolation(
        level="namespaces",
        reason="bubblewrap works: namespaces for files, processes and network; one kernel with this machine",
        remedy=None,
        enforces=frozenset(enforces),  # type: ignore[arg-type]
        warnings=shared,
    )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _limits(spec: SandboxSpec) -> Limits:
    """The run's limits, or the task's where they are tighter."""
    table, limits = spec.task.config.environment, spec.limits
    return Limits(
        memory_bytes=min(limits.memory_bytes, (table.memory_mb or limits.memory_bytes) * _MIB),
        processes=limits.processes,
        file_bytes=min(limits.file_bytes, (table.storage_mb or limits.file_bytes) * _MIB),
    )


async def _remove(scratch: Scratch) -> None:
    """Remove a sandbox's folder. A removal is short, and half of one would have to be swept."""
    with CancelScope(shield=True):
        await anyio.to_thread.run_sync(remove, scratch.folder)
