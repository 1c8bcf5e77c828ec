"""What stands beside a sandbox's own container: other services, networks between them, volumes they share.

All of it carries the labels of the sandbox, so that a crash leaves nothing that cannot be found.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anyio
from aiodocker.containers import DockerContainer
from msgspec import Struct, field

from sandbox.archive import Placed, pack, pack_folders, placed_as_is
from sandbox.base import MIB
from sandbox.docker.client import Engine
from sandbox.docker.errors import EngineFailed
from sandbox.docker.health import until_healthy
from sandbox.docker.images import Images
from sandbox.harbor.compose.schema import Compose, ComposeVolume, Condition, Service
from sandbox.harbor.compose.values import MAIN
from sandbox.harbor.schema import NetworkMode

_DEFAULT: Final = "default"
"""Network of services that name none."""
_HOLDER: Final = "its network"
"""Among containers by service; no service can be called so."""


class ProjectSpec(Struct, frozen=True):
    """Where a sandbox stands, and what it is built from."""

    prefix: str
    """Begins the names of everything."""
    labels: Mapping[str, str]
    material: Path
    """The task's ``environment`` folder."""
    compose: Compose
    outside: bool
    """Whether anything may reach the world."""
    memory_bytes: int
    """Of each service."""


class ComposeProject(Struct):
    """Services beside a container. Made by ``settle``; an empty one is fine."""

    engine: Engine
    plot: ProjectSpec
    containers: dict[str, DockerContainer] = field(default_factory=dict)
    """By service; ``main`` is not among them."""
    networks: dict[str, str] = field(default_factory=dict)
    """Name in the file, and name of the engine's."""
    volumes: dict[str, str] = field(default_factory=dict)
    filled: set[str] = field(default_factory=set)
    network: NetworkMode = "public"
    """Of the sandbox's own container, where that changes between phases."""

    def apply_to(self, service: Service, config: Mapping[str, Any]) -> dict[str, Any]:
        """Give a container's configuration what the file says of its surroundings."""
        binds = [
            f"{self.volumes[_key(each)]}:{each.target}{':ro' if each.read_only else ''}"
            for each in service.mounts
            if _key(each) in self.volumes
        ]
        usual = config.get("HostConfig", {})
        host = {**usual, **service.host}
        host["Ulimits"] = _merged(usual.get("Ulimits", []), service.host.get("Ulimits", []))
        if service.cpus is not None:
            host["NanoCpus"] = int(min(service.cpus, self.engine.cpus) * 1_000_000_000)
        host["Binds"] = [*config.get("HostConfig", {}).get("Binds", ()), *binds]
        dressed = {**config, **service.settings, "HostConfig": host}
        if service.probe is not None:
            probe = service.probe
            times = {"Interval": probe.interval, "Timeout": probe.timeout, "StartPeriod": probe.start_period}
            dressed["Healthcheck"] = {"Test": list(probe.test), "Retries": probe.retries, **times}
        names = list(service.networks or {_DEFAULT: ()})
        if service.host.get("NetworkMode") != "none" and self.networks:
            first = self.networks[names[0]]
            host["NetworkMode"] = first
            aliases = [service.name, *service.aliases, *service.networks.get(names[0], ())]
            dressed["NetworkingConfig"] = {"EndpointsConfig": {first: {"Aliases": aliases}}}
        return dressed

    async def attach(self, service: Service, container: DockerContainer) -> None:
        """Bring a container that does not run yet into its other networks, and put material of the task into it."""
        for name in list(service.networks)[1:]:
            aliases = [service.name, *service.aliases, *service.networks[name]]
            await self.engine.networks.join(self.networks[name], container, aliases)
        for mount in service.mounts:
            if mount.kind == "material" and _key(mount) not in self.filled:
                archive = await anyio.to_thread.run_sync(
                    _packed, self.plot.material / (mount.source or ""), mount.target
                )
                await self.engine.place(container.id, archive)
                if _key(mount) in self.volumes:
                    self.filled.add(_key(mount))

    async def hold_network(self, image: str) -> str:
        """Have the network of the sandbox's own container be held by another; give that network's name.

        Podman starts a container that is in no network without its loopback, too: what the agent serves there could
        not be reached. One that was in a network once keeps its loopback, as long as it runs; so another one runs,
        and what the agent's container loses and gains between phases is lost and gained by that.
        """
        holder = await self.engine.create(
            f"{self.plot.prefix}-network",
            {
                "Image": image,
                "Entrypoint": ["/bin/sh", "-c"],
                "Cmd": ["sleep infinity"],
                "Healthcheck": {"Test": ["NONE"]},
                "Labels": dict(self.plot.labels),
                "HostConfig": {"Memory": self.plot.memory_bytes, "MemorySwap": self.plot.memory_bytes},
            },
        )
        self.containers[_HOLDER] = holder
        await self.engine.start(holder)
        return f"container:{holder.id}"

    async def set_network(self, container: DockerContainer, mode: NetworkMode) -> None:
        """Bring the sandbox's own container into the engine's usual network, or take it out.

        Raises:
            EngineFailed: The engine cannot.
        """
        if mode == self.network:
            return
        networks, usual = self.engine.networks, self.engine.usual_network
        container = self.containers.get(_HOLDER, container)
        if mode == "public":
            await networks.join(usual, container, [])
        else:
            await networks.leave(usual, container)
        self.network = mode

    async def wait_for(self, service: Service) -> None:
        """Wait for what a service depends on, as it asks."""
        for name, condition in service.depends_on.items():
            if name != MAIN:
                await self._wait(name, condition)

    async def start(self, images: Images, services: Sequence[Service]) -> None:
        """Start services in this order."""
        for service in services:
            await self.wait_for(service)
            container = await self._create(images, service)
            self.containers[service.name] = container
            await self.attach(service, container)
            await self.engine.start(container)

    async def settled(self) -> None:
        """Wait until every service with a health check is healthy."""
        done = {
            name for each in self.plot.compose.services for name, how in each.depends_on.items() if "completed" in how
        }
        for service in self.plot.compose.sidecars:
            if service.probe is not None and service.name not in done:
                await until_healthy(self.engine, self.containers[service.name], f"the service {service.name}")

    async def close(self) -> None:
        """Remove all of it.

        Raises:
            EngineFailed: Something could not be removed; everything that could be is gone.
        """
        failed: list[EngineFailed] = []
        for kind, names in (
            (self.engine.remove, [each.id for each in self.containers.values()]),
            (self.engine.networks.remove, list(self.networks.values())),
            (self.engine.volumes.remove, list(self.volumes.values())),
        ):
            for name in names:
                try:
                    await kind(name)
                except EngineFailed as error:
                    failed.append(error)
        if failed:
            raise failed[0]

    async def _create(self, images: Images, service: Service) -> DockerContainer:
        image = await image_of(images, self.plot.material, service)
        config: dict[str, Any] = {
            "Image": image,
            "Hostname": service.name,
            "Env": [f"{name}={value}" for name, value in service.environment.items()],
            "Labels": dict(self.plot.labels),
            "HostConfig": {"Memory": self.plot.memory_bytes, "MemorySwap": self.plot.memory_bytes},
        }
        if service.command is not None:
            config["Cmd"] = list(service.command)
        if service.entrypoint is not None:
            config["Entrypoint"] = list(service.entrypoint)
        return await self.engine.create(f"{self.plot.prefix}-{service.name}", self.apply_to(service, config))

    async def _wait(self, name: str, condition: Condition) -> None:
        container, told = self.containers[name], f"the service {name}"
        match condition:
            case "service_started":
                return
            case "service_healthy":
                await until_healthy(self.engine, container, told)
            case "service_completed_successfully":
                await self.engine.wait(container)
                code = (await self.engine.state(container)).get("ExitCode")
                if code != 0:
                    raise EngineFailed(f"{told} ended with code {code}")


async def settle(engine: Engine, plot: ProjectSpec) -> ComposeProject:
    """Make the networks and volumes of a sandbox with services beside it.

    Raises:
        EngineFailed: The engine cannot; nothing is left.
    """
    town = ComposeProject(engine, plot, network="public" if plot.outside else "no-network")
    compose = plot.compose
    if not compose.services:
        return town
    try:
        if compose.sidecars:
            wanted = {name for each in compose.services for name in each.networks or {_DEFAULT: ()}}
            for name in sorted(wanted):
                own = f"{plot.prefix}-{name}"
                await engine.networks.create(own, plot.labels, internal=not plot.outside or name in compose.internal)
                town.networks[name] = own
        for key in sorted(
            {_key(each) for service in compose.services for each in service.mounts if _shared(plot, each)}
        ):
            own = f"{plot.prefix}-v{len(town.volumes)}"
            await engine.volumes.create(own, plot.labels)
            town.volumes[key] = own
    except EngineFailed:
        await town.close()
        raise
    return town


async def image_of(images: Images, material: Path, service: Service) -> str:
    """Build or fetch the image of a service."""
    if service.build is not None:
        return (await images.built_as(material, service.build)).name
    if service.image is None:
        raise EngineFailed(f"services.{service.name} has neither image nor build")
    return (await images.fetched(service.image)).name


def before_main(compose: Compose) -> tuple[Service, ...]:
    """Give the services that do not wait for ``main``, in the order of their start."""
    waiting = {MAIN}
    for service in compose.services:
        if waiting & set(service.depends_on):
            waiting.add(service.name)
    return tuple(each for each in compose.services if each.name not in waiting)


def after_main(compose: Compose) -> tuple[Service, ...]:
    """Give the others."""
    before = before_main(compose)
    return tuple(each for each in compose.sidecars if each not in before)


def memory_of(memory_mb: int | None, usual: int) -> int:
    """Say how much memory, in bytes."""
    return usual if memory_mb is None else memory_mb * MIB


def _merged(ours: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Give limits with those that a service wants; how large a file may become stays as it is."""
    named = {each["Name"]: each for each in wanted if each["Name"] != "fsize"}
    return [*(each for each in ours if each["Name"] not in named), *named.values()]


def _key(mount: ComposeVolume) -> str:
    return f"{mount.kind} {mount.source or mount.target}"


def _shared(plot: ProjectSpec, mount: ComposeVolume) -> bool:
    """Whether it has to be a volume: a single file is put into the container instead.

    What is not there is an empty folder, as Compose makes one.
    """
    return mount.kind == "volume" or not (plot.material / (mount.source or "")).is_file()


def _packed(source: Path, target: str) -> bytes:
    path = target.strip("/")
    if not source.exists():
        return pack_folders([path], 0o755)
    entries = [Placed(source, path)]
    if source.is_dir():
        entries += [Placed(each.source, f"{path}/{each.path}", each.mode) for each in placed_as_is(source)]
    return pack(entries, str)
