"""Sandboxes in containers: Docker's, or Podman's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from sandbox.base import MIB, Isolation, SandboxBackend
from sandbox.docker.backend import DockerSettings, docker_backend
from sandbox.docker.endpoint import EngineName, where_of
from sandbox.docker.isolation import look_at_engine
from sandbox.kind import SandboxHost, SandboxKind

_IDLE_BYTES: Final = 64 * MIB
"""A container has its own memory, and the engine's for it."""


@asynccontextmanager
async def _open(name: EngineName, host: SandboxHost) -> AsyncIterator[SandboxBackend]:
    """Connect; ``STILLROOM_BUILD_NETWORK`` is ``host`` where a build needs it to reach packages."""
    settings = DockerSettings(
        where=where_of(name, host.environment),
        build_network=host.environment.get("STILLROOM_BUILD_NETWORK", "default"),
        building=host.building,
        owner=host.owner,
        ended=host.ended,
    )
    async with docker_backend(host.folder, settings) as backend:
        yield backend


async def _look(name: EngineName, host: SandboxHost) -> Isolation:
    return await look_at_engine(where_of(name, host.environment))


DOCKER: Final = SandboxKind(
    name="docker",
    about="containers of a Docker Engine",
    open=partial(_open, "docker"),
    look=partial(_look, "docker"),
    memory_bytes=_IDLE_BYTES,
)
PODMAN: Final = SandboxKind(
    name="podman",
    about="containers of Podman",
    open=partial(_open, "podman"),
    look=partial(_look, "podman"),
    memory_bytes=_IDLE_BYTES,
)
