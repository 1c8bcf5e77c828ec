"""The Docker backend: a container for each sandbox, from the image its task describes.

Everything it makes carries the label ``dev.stillroom`` with the workspace's name, so that what a crash left behind can
be found and removed, and nothing else is.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
from anyio import CancelScope
from msgspec import Struct, structs

from sandbox.archive import pack_folders
from sandbox.base import Isolation, Leftover, Sandbox, SandboxGone, SandboxSpec
from sandbox.docker.client import Engine, open_engine
from sandbox.docker.compose_services import ComposeProject, ProjectSpec, after_main, before_main, memory_of, settle
from sandbox.docker.config import container_config
from sandbox.docker.endpoint import EngineEndpoint
from sandbox.docker.errors import EngineFailed
from sandbox.docker.gc import OWNER, SANDBOX, left_behind, remove, sweep
from sandbox.docker.images import LABEL, Built, Gate, Images
from sandbox.docker.isolation import isolation_of
from sandbox.docker.reattach import BARE, ReattachSite, card_of, reopen
from sandbox.docker.requirements import noted, refused
from sandbox.docker.sandbox import DockerResources, DockerSandbox
from sandbox.docker.shared_dir import make_folder, remove_folder, workspace_name
from sandbox.errors import SandboxUnavailable, Unsupported
from sandbox.harbor.compose.builds import OWN
from sandbox.harbor.compose.file import OWN_IMAGE, compose_of
from sandbox.harbor.compose.schema import Compose, Service
from sandbox.harbor.task import Task, verifier_of
from sandbox.harbor.templates import resolve
from sandbox.scratch import folder_name
from sandbox.verification.health import NotReady, until_ready

_LOGS: Final = ("logs", "logs/agent", "logs/artifacts", "logs/verifier")


class DockerSettings(Struct, frozen=True):
    """How the engine is used."""

    where: EngineEndpoint = EngineEndpoint()
    """Where the engine is, and which it must be."""
    build_network: str = "default"
    """Network of ``RUN`` steps: ``default``, ``host`` or ``none``."""
    building: Gate | None = None
    """Entered for each build, and has those wait that are too many. None: two at a time."""
    owner: str | None = None
    """Process that what is made belongs to, for its label: once it has ended, what is left is known to be left behind.
    None: nobody in particular, and nothing is ever taken for left behind."""
    ended: Callable[[str], bool] | None = None
    """Says whether a process is known to have ended: a sandbox of such a one may be taken up, and what they left is
    taken away when the backend is opened, but for its own workspace's, which is swept run by run. None: nobody can
    say, and neither is done."""
    spared_s: float = 86400.0
    """Seconds from its making, from 0, for which a sandbox of another workspace is not taken away when the backend is
    opened, though its process has ended: somebody may resume its run."""
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

    def __init__(
        self, engine: Engine, workspace: Path, settings: DockerSettings, warnings: tuple[str, ...] = ()
    ) -> None:
        self._engine = engine
        self._warnings = warnings
        self._workspace = workspace
        self._name = settings.where.name
        self._owner, self._ended = settings.owner, settings.ended
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
        return self._name

    @property
    def disk(self) -> Path | None:
        """See ``SandboxBackend``."""
        return self._engine.disk

    def describe(self) -> Isolation:
        """See ``SandboxBackend``."""
        found = isolation_of(self._engine)
        return structs.replace(found, warnings=(*found.warnings, *self._warnings))

    def check(self, task: Task) -> list[str]:
        """See ``SandboxBackend``."""
        found = list(refused(task, compose_of(task, task.config.environment.env), self._engine.architecture))
        if task.config.verifier.separate and task.context == "environment":
            apart = verifier_of(task)
            if apart.dockerfile is None and apart.config.environment.docker_image is None:
                found.append("verifier.environment without tests/Dockerfile or verifier.environment.docker_image")
            found += [f"the verifier's {each}" for each in self.check(apart)]
        return found

    def notes(self, task: Task) -> list[str]:
        """See ``SandboxBackend``."""
        return list(noted(task, compose_of(task, task.config.environment.env), self._engine.cpus))

    @property
    def lasting(self) -> "DockerBackend":
        """See ``SandboxBackend``: containers are the engine's, and go on without us."""
        return self

    async def sweep(self, which: Callable[[str], bool]) -> tuple[str, ...]:
        """See ``SandboxBackend``."""
        removed = await sweep(self._engine, self._label, which)
        for sandbox in removed:
            await remove_folder(self._folder(sandbox))
        return tuple(sorted(removed))

    async def leftovers(self, ended: Callable[[str], bool], *, images: bool) -> list[Leftover]:
        """See ``LeftoverRemover``."""
        return await left_behind(self._engine, ended, images=images)

    async def remove(self, leftovers: Sequence[Leftover]) -> list[tuple[Leftover, str]]:
        """See ``LeftoverRemover``."""
        return await remove(self._engine, leftovers)

    async def reopen(self, spec: SandboxSpec, *, opened_in: int) -> Sandbox | SandboxGone:
        """See ``Reattachable``."""
        folder = self._folder(spec.id)
        site = ReattachSite(spec.id, self._engine, self._plot(spec, BARE, folder.name), folder)
        return await reopen(site, opened_in=opened_in, by=spec.session, ended=self._ended)

    async def open(self, spec: SandboxSpec) -> Sandbox:
        """See ``SandboxBackend``."""
        features = self.check(spec.task)
        if features:
            raise Unsupported(self._name, features)
        env = resolve(spec.task.config.environment.env, spec.env)
        compose = compose_of(spec.task, env)
        try:
            built = await self._main(spec.task, compose.main)
            async with self._starting:
                return await self._begin(spec, built, env, compose)
        except EngineFailed as error:
            raise SandboxUnavailable(spec.id, error.detail) from error
        except NotReady as error:
            raise SandboxUnavailable(spec.id, f"environment.{error}") from error
        except TimeoutError as error:
            raise SandboxUnavailable(spec.id, "it was not ready within environment.build_timeout_sec") from error

    async def _main(self, task: Task, service: Service) -> Built:
        """Give the image of the sandbox's own container; a compose file may name another than the task's Dockerfile."""
        if service.build is not None and (service.build not in OWN or task.dockerfile is None):
            return await self._images.built_as(task.environment, service.build)
        named = service.image if service.image != OWN_IMAGE else None
        if task.dockerfile is None and task.config.environment.docker_image is None and named is not None:
            return await self._images.fetched(named)
        return await self._images.of(task)

    async def _begin(self, spec: SandboxSpec, built: Built, env: Mapping[str, str], compose: Compose) -> Sandbox:
        """Make and start everything; nothing of it is left if that fails."""
        folder = self._folder(spec.id)
        await self._make(spec, folder)
        plot = self._plot(spec, compose, folder.name)
        async with AsyncExitStack() as undo:
            undo.push_async_callback(remove_folder, folder)
            with anyio.fail_after(spec.task.config.environment.build_timeout_sec):
                town = await settle(self._engine, plot)
                undo.push_async_callback(_closed, town)
                await town.start(self._images, before_main(compose))
                await town.wait_for(compose.main)
                sandbox = await self._raise(spec, built, env, town, folder)
                undo.push_async_callback(sandbox.close)
                await town.start(self._images, after_main(compose))
                await town.settled()
                await self._ready(spec.task, sandbox)
                await sandbox.set_network(spec.task.network_in("agent"))
                if spec.session is not None:
                    await sandbox.keeping.show(await card_of(sandbox, town, spec.session))
            undo.pop_all()
        return sandbox

    async def _raise(
        self, spec: SandboxSpec, built: Built, env: Mapping[str, str], town: ComposeProject, folder: Path
    ) -> DockerSandbox:
        """Make and start the sandbox's own container."""
        service = town.plot.compose.main
        image = structs.replace(
            built.image,
            entrypoint=built.image.entrypoint or service.command is not None or service.entrypoint is not None,
            checked=built.image.checked or service.probe is not None,
        )
        variables = {**service.environment, **env}
        config = container_config(spec, Built(built.name, image), variables, folder / "io", self._engine)
        config |= {"Labels": self._labels(spec)}
        if self._engine.podman and len(spec.task.networks) > 1:
            config["HostConfig"]["NetworkMode"] = await town.hold_network(built.name)
        if service.command is not None:
            config["Cmd"] = list(service.command)
        if service.entrypoint is not None:
            config["Entrypoint"] = list(service.entrypoint)
        container = await self._engine.create(town.plot.prefix, town.apply_to(service, config))
        workdir = spec.task.config.environment.workdir or service.settings.get("WorkingDir") or image.workdir or "/"
        sandbox = DockerSandbox(
            spec.id, DockerResources(self._engine, container, folder, town), workdir=workdir, image=image
        )
        try:
            await self._engine.place(container.id, pack_folders(_LOGS, 0o777))
            await town.attach(service, container)
            await town.set_network(container, spec.task.network_in("begin"))
            await sandbox.start()
        except BaseException:
            with CancelScope(shield=True):
                await sandbox.close()
            raise
        return sandbox

    async def _make(self, spec: SandboxSpec, folder: Path) -> None:
        """Make its folder; one whose container somebody took away is in nobody's way."""
        if await anyio.Path(folder).exists() and not await self._engine.containers(self._label, f"{SANDBOX}={spec.id}"):
            await remove_folder(folder)
        await make_folder(folder)

    async def _ready(self, task: Task, sandbox: Sandbox) -> None:
        if task.config.environment.healthcheck is not None:
            await until_ready(sandbox, task.config.environment.healthcheck)

    def _plot(self, spec: SandboxSpec, compose: Compose, name: str) -> ProjectSpec:
        return ProjectSpec(
            prefix=f"stillroom-{workspace_name(self._workspace)[:8]}-{name}",
            labels=self._labels(spec),
            material=spec.task.environment,
            compose=compose,
            outside="public" in spec.task.networks,
            memory_bytes=memory_of(None, spec.limits.memory_bytes),
        )

    def _folder(self, sandbox: str) -> Path:
        return self._workspace.resolve() / folder_name(sandbox)

    def _labels(self, spec: SandboxSpec) -> dict[str, str]:
        owner = {} if self._owner is None else {OWNER: self._owner}
        return {LABEL: workspace_name(self._workspace), SANDBOX: spec.id, **owner}


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
        async with open_engine(settings.where) as engine:
            warnings = await _swept(engine, workspace_name(workspace), settings)
            yield DockerBackend(engine, workspace, settings, warnings)
    except EngineFailed as error:
        raise SandboxUnavailable(settings.where.name, error.detail, remedy=settings.where.remedy) from error


async def _swept(engine: Engine, mine: str, settings: DockerSettings) -> tuple[str, ...]:
    """Remove what crashes of other workspaces left; give a warning if that fails, since no run needs it."""
    if settings.ended is None:
        return ()
    try:
        left = await left_behind(engine, settings.ended, images=False, spared_s=settings.spared_s)
        await remove(engine, [each for each in left if each.workspace != mine])
    except (EngineFailed, KeyError, ValueError) as error:  # an engine may also answer what cannot be read
        return (f"what other processes left in the engine was not removed: {error!r}",)
    return ()


async def _closed(town: ComposeProject) -> None:
    with CancelScope(shield=True):
        await town.close()
