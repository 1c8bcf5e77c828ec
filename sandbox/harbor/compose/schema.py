"""``environment/docker-compose.yaml`` as it was understood: services, and how each of their containers is made."""

from typing import Any, Literal

from msgspec import Struct

from sandbox.harbor.compose.values import MAIN

Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]


class Probe(Struct, frozen=True):
    """``healthcheck``, in the engine's words: times in nanoseconds."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    retries: int = 0


class ComposeVolume(Struct, frozen=True):
    """One entry of ``volumes``."""

    source: str | None
    """A volume's name, or a path of the build context. None: a volume of its own."""
    target: str
    kind: Literal["volume", "material"]
    """material: a file or folder that comes with the task."""
    read_only: bool = False
    """Of a volume; material can be written to, since it is put into the container."""


class Build(Struct, frozen=True):
    """``build``."""

    context: str
    """Relative to ``environment/``."""
    dockerfile: str = "Dockerfile"
    args: dict[str, str] = {}
    target: str = ""


class Service(Struct, frozen=True):
    """One of ``services``."""

    name: str
    image: str | None = None
    build: Build | None = None
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: dict[str, str] = {}
    depends_on: dict[str, Condition] = {}
    probe: Probe | None = None
    mounts: tuple[ComposeVolume, ...] = ()
    networks: dict[str, tuple[str, ...]] = {}
    """By name; with further names under which it is found there."""
    aliases: tuple[str, ...] = ()
    """Further names under which it is found in all of them."""
    links: tuple[tuple[str, str], ...] = ()
    """Services that it calls by a name of its own, and that name; they start before it."""
    optional: frozenset[str] = frozenset()
    """Of what it depends on, what need not be there."""
    cpus: float | None = None
    """CPUs at most. None: no limit."""
    platform: str | None = None
    """That its image must be for, such as ``linux/amd64``. None: the engine's."""
    started: bool = True
    """Whether it is started by itself: not with a scale of 0, nor with profiles."""
    settings: dict[str, Any] = {}
    """Further settings of the container, as the engine's API has them."""
    host: dict[str, Any] = {}
    """The same for its ``HostConfig``."""


class Compose(Struct, frozen=True):
    """The whole file."""

    services: tuple[Service, ...]
    """In an order in which they can start."""
    internal: frozenset[str]
    """Networks that lead nowhere else."""
    refused: tuple[str, ...]
    """What is not understood, by name; then nothing else here is worth anything."""
    dropped: tuple[str, ...]
    """What is left out on purpose, with the reason: folders of the host, variables without a value, keys that change
    nothing for who is inside."""

    @property
    def main(self) -> Service:
        """What the file says of the task's own container."""
        return next((each for each in self.services if each.name == MAIN), Service(MAIN))

    @property
    def sidecars(self) -> tuple[Service, ...]:
        """The others."""
        return tuple(each for each in self.services if each.name != MAIN)
