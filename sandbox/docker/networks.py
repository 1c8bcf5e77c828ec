"""Networks and volumes of an engine, and how what carries labels is listed."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import aiodocker
from aiodocker.containers import DockerContainer

from sandbox.docker.errors import EngineFailed, gone_is_fine, told

_CHANGING: Final = "no such network interface"
"""Podman's answer when interfaces of other containers came or went while it looked for room between them all."""
_TRIES: Final = 5


class Labelled(NamedTuple):
    """Something in an engine that carries labels."""

    id: str
    """By which the engine knows it."""
    name: str
    """For people; empty for an image whose name another one took."""
    labels: Mapping[str, str]


class Networks:
    """Networks. Every method raises `EngineFailed` where the engine does not do it."""

    def __init__(self, docker: aiodocker.Docker) -> None:
        self._docker = docker

    async def create(self, name: str, labels: Mapping[str, str], *, internal: bool) -> None:
        """Make one; an internal one leads nowhere else."""
        config = {"Name": name, "Labels": dict(labels), "Internal": internal, "CheckDuplicate": True}
        for again in reversed(range(_TRIES)):
            try:
                with told():
                    await self._docker.networks.create(config)
            except EngineFailed as error:
                if not again or _CHANGING not in error.detail:
                    raise
            else:
                return

    async def join(self, name: str, container: DockerContainer, aliases: list[str]) -> None:
        """Bring a container into a further network, where it is found under these names."""
        with told():
            found = await self._docker.networks.get(name)
            await found.connect({"Container": container.id, "EndpointConfig": {"Aliases": aliases}})

    async def leave(self, name: str, container: DockerContainer) -> None:
        """Take a container out of a network."""
        with told():
            found = await self._docker.networks.get(name)
            await found.disconnect({"Container": container.id, "Force": True})

    async def remove(self, name: str) -> None:
        """Remove one; that it is gone is fine."""
        with gone_is_fine():
            await (await self._docker.networks.get(name)).delete()

    async def labelled(self, *labels: str) -> list[Labelled]:
        """List those that carry all these labels."""
        with told():
            found = await self._docker.networks.list(filters={"label": list(labels)})
        return [Labelled(each["Id"], each["Name"], each["Labels"]) for each in found]


class Volumes:
    """Volumes, likewise."""

    def __init__(self, docker: aiodocker.Docker) -> None:
        self._volumes: Any = docker.volumes  # aiodocker gives these no types

    async def create(self, name: str, labels: Mapping[str, str]) -> None:
        """Make one."""
        with told():
            await self._volumes.create({"Name": name, "Labels": dict(labels)})

    async def remove(self, name: str) -> None:
        """Remove one; that it is gone is fine."""
        with gone_is_fine():
            await (await self._volumes.get(name)).delete()

    async def labelled(self, *labels: str) -> list[Labelled]:
        """List those that carry all these labels."""
        with told():
            found = await self._volumes.list(filters={"label": list(labels)})
        return [Labelled(each["Name"], each["Name"], each["Labels"]) for each in found.get("Volumes") or ()]
