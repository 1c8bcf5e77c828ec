"""The Docker backend: a container for each sandbox, from the image its task describes.

Everything it makes carries the label ``dev.stillroom`` with the workspace's name, so that what a crash left behind can
be found and removed, and nothing else is.
"""

import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
from anyio import CancelScope
from msgspec import Struct

from events.digest import digest_of
from sandbox.archive import pack_folders
from sandbox.base import MIB, Isolation, Limits, Sandbox, SandboxSpec
from sandbox.docker_engine import Engine, EngineFailed, open_engine
from sandbox.docker_errand import MOUNT
from sandbox.docker_gc import OWNER, left_behind, remove
from sandbox.docker_image import LABEL, Built, Gate, Images
from sandbox.docker_needs import refused
from sandbox.docker_sandbox import FIRST, DockerSandbox, Ground
from sandbox.errors import SandboxUnavailable, Unsupported
from sandbox.scratch import folder_name
from sandbox.task import Task
from sandbox.templates import resolve

NAME: Final = "docker"
_ID: Final = f"{LABEL}.sandbox"
_SCRIPTS: Final = Path(__file__).with_name("container")
"""What runs inside."""
_LOGS: Final = ("logs", "logs/agent", "logs/artifacts", "logs/verifier")


class DockerSettings(Struct, frozen=True):
    """How the engine is used."""

    host: str | None = None
    """Such as ``unix:///var/run/docker.sock``. None: a socket in the usual places."""
    build_network: str = "default"
    """Network of ``RUN`` steps: ``default``, ``host`` or ``none``."""
    building: Gate | None = None
    """Entered for each build, and has those wait that are too many. None: two at a time."""
    owner: str | None = None
    """Process that what is made belongs to, for its label: once it has ended, what is left is known to be left behind.
    None: nobody in particular, and nothing is ever taken for left behind."""
    tidies: Callable[[str], bool] | None = None
    """Says whether a process is known to have ended: what such ones left is taken away when the backend is opened, but
    for its own workspace's, which is swept run by run. None: nothing is."""
    starts: int = 4
    """Containers started at a time, from 1: an engine that is asked for more gets slower, not faster."""


def two_at_a_time() -> Gate:
    """Let two builds go on at a time."""
    limiter = anyio.Semaphore(2)
    return lambda: limiter


DEFAULTS: Final = DockerSettings()
"""For an engine on this machine."""


class DockerBackend:
    """Sandboxes in containers. Made by ``docker_backend``."""

    def __init__(self, engine: Engine, workspace: Path, settings: DockerSettings) -> None:
        self._engine = engine
        self._workspace = workspace
        self._owner = settings.owner
        self._label = f"{LABEL}={workspace_name(workspace)}"
        self._images = Images(
            engine,
            network=settings.build_network,
            gate=settings.building or two_at_a_time(),
        )
        self._starting = anyio.Semaphore(settings.starts)

    @property
    def engine(self) -> Engine:
        """Where the containers are."""
        return self._engine

    @property
    def name(self) -> str:
        """See ``SandboxBackend``."""
        return NAME

    def describe(self) -> Isolation:
        """See ``SandboxBackend``."""
        what = "Podman" if self._engine.podman else "Docker Engine"
        return Isolation(
            level="container",
            reason=f"{what} {self._engine.version}: files, processes, network and limits of each sandbox are its own",
            remedy=None,
            enforces=frozenset({"filesystem", "pids", "network", "processes", "memory", "escape"}),
        )

    def check(self, task: Task) -> list[str]:
        """See ``SandboxBackend``."""
        return list(refused(task))

    def notes(self, task: Task) -> list[str]:
        """See ``SandboxBackend``."""
        if task.config.environment.storage_mb is None:
            return []
        return ["environment.storage_mb (no engine here limits what a container writes in all; single files are)"]

    async def sweep(self, prefix: str) -> tuple[str, ...]:
        """See ``SandboxBackend``."""
        removed = []
        for container, labels in await self._engine.containers(self._label):
            sandbox = labels.get(_ID, "")
            if sandbox.startswith(prefix):
                await self._engine.remove(container)
                folder = self._workspace / folder_name(sandbox)
                await anyio.to_thread.run_sync(partial(shutil.rmtree, folder, ignore_errors=True))
                removed.append(sandbox)
        return tuple(sorted(removed))

    async def open(self, spec: SandboxSpec) -> Sandbox:
        """See ``SandboxBackend``."""
        features = self.check(spec.task)
        if features:
            raise Unsupported(NAME, features)
        env = resolve(spec.task.config.environment.env, spec.env)
        try:
            built = await self._images.of(spec.task)
            async with self._starting:
                return await self._begin(spec, built, env)
        except EngineFailed as error:
            raise SandboxUnavailable(spec.id, error.detail) from error

    async def _begin(self, spec: SandboxSpec, built: Built, env: Mapping[str, str]) -> Sandbox:
        """Make and start the container; nothing of it is left if that fails."""
        folder = self._workspace.resolve() / folder_name(spec.id)
        workdir = spec.task.config.environment.workdir or built.image.workdir or "/"
        config = container_config(spec, built, env, folder / "io") | {"Labels": self._labels(spec)}
        await self._make(spec, folder)
        try:
            container = await self._engine.create(
                f"stillroom-{workspace_name(self._workspace)[:8]}-{folder.name}", config
            )
        except EngineFailed:
            await anyio.to_thread.run_sync(partial(shutil.rmtree, folder, ignore_errors=True))
            raise
        sandbox = DockerSandbox(spec.id, Ground(self._engine, container, folder), workdir=workdir)
        try:
            await self._engine.place(container.id, pack_folders(_LOGS, 0o777))
            await sandbox.start()
        except BaseException:
            with CancelScope(shield=True):
                await sandbox.close()
            raise
        return sandbox

    async def _make(self, spec: SandboxSpec, folder: Path) -> None:
        """Make its folder; one whose container somebody took away is in nobody's way."""
        if await anyio.Path(folder).exists() and not await self._engine.containers(self._label, f"{_ID}={spec.id}"):
            await anyio.to_thread.run_sync(partial(shutil.rmtree, folder, ignore_errors=True))
        await anyio.to_thread.run_sync(_make, folder)

    def _labels(self, spec: SandboxSpec) -> dict[str, str]:
        owner = {} if self._owner is None else {OWNER: self._owner}
        return {LABEL: workspace_name(self._workspace), _ID: spec.id, **owner}


@asynccontextmanager
async def docker_backend(workspace: Path, settings: DockerSettings = DEFAULTS) -> AsyncIterator[DockerBackend]:
    """Connect to an engine for as long as sandboxes are needed.

    Args:
        workspace: Folder for what sandboxes share with the host; made when missing.
        settings: How the engine is used.

    Raises:
        SandboxUnavailable: There is no engine, or it does not answer.
    """
    try:
        async with open_engine(settings.host) as engine:
            if settings.tidies is not None:
                mine = workspace_name(workspace)
                left = await left_behind(engine, settings.tidies, images=False)
                await remove(engine, [each for each in left if each.workspace != mine])
            yield DockerBackend(engine, workspace, settings)
    except EngineFailed as error:
        remedy = "start it (on Debian: apt-get install docker.io), or say where it is with DOCKER_HOST"
        raise SandboxUnavailable(NAME, error.detail, remedy=remedy) from error


def workspace_name(workspace: Path) -> str:
    """Name a workspace for labels: the same for the same folder, without telling where it is."""
    return digest_of(os.fsencode(workspace.resolve()))[:16]


def container_config(spec: SandboxSpec, built: Built, env: Mapping[str, str], io: Path) -> dict[str, Any]:
    """Write down a container, in the words of the engine's API.

    The image's entry point stays in effect, as in Harbor, and is given the runner to start.
    """
    wants, limits = spec.task.config.environment, spec.limits
    memory = limits.memory_bytes if wants.memory_mb is None else wants.memory_mb * MIB
    return {
        "Image": built.name,
        "Cmd": ["/bin/sh", f"{MOUNT}/runner", FIRST],
        "Env": [f"{name}={value}" for name, value in env.items()],
        "Hostname": "sandbox",
        "HostConfig": {
            "Binds": [f"{io}:{MOUNT}:ro", *(f"{each.source}:{each.target}:ro" for each in spec.mounts)],
            "Memory": memory,
            "MemorySwap": memory,
            "NanoCpus": 0 if wants.cpus is None else wants.cpus * 1_000_000_000,
            "PidsLimit": limits.processes,
            "Ulimits": [_file_size(limits)],
            "NetworkMode": "none" if wants.network_mode == "no-network" else "default",
            "CapDrop": ["MKNOD"],
            "LogConfig": {"Type": "none"},
        },
    }


def _file_size(limits: Limits) -> dict[str, Any]:
    return {"Name": "fsize", "Soft": limits.file_bytes, "Hard": limits.file_bytes}


def _make(folder: Path) -> None:
    """Make the folder of a sandbox, with the runner in it.

    Raises:
        EngineFailed: It is there already.
    """
    try:
        (folder / "io").mkdir(parents=True)
    except FileExistsError as error:
        raise EngineFailed(f"{folder.name} exists: a sandbox of this id is open, or a crash left it") from error
    for each in (folder, folder / "io"):
        each.chmod(0o755)
    for script in _SCRIPTS.iterdir():
        shutil.copyfile(script, folder / "io" / script.name)
        (folder / "io" / script.name).chmod(0o755)
