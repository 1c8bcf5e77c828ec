"""What a task needs that the Docker backend cannot give, by the names used in the task's own files."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from sandbox.harbor.build_context import BuildContext
from sandbox.harbor.compose.builds import service_builds
from sandbox.harbor.compose.schema import Compose
from sandbox.harbor.compose.values import MAIN
from sandbox.harbor.dockerfile.classic import classic
from sandbox.harbor.task import Task

_LEAST_MB: Final = 6
"""Memory that an engine gives a container at least."""
_ALIASES: Final[Mapping[str, str]] = MappingProxyType({"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"})


def refused(task: Task, compose: Compose, architecture: str) -> Iterator[str]:
    """Each feature by name; none when the task can run.

    Args:
        task: Which.
        compose: Its services.
        architecture: Of the engine, as Docker calls it.

    Raises:
        TaskInvalid: The Dockerfile of a service is not there, or cannot be read.
    """
    wants = task.config.environment
    for feature, asked in (
        (f"environment.os = {wants.os!r}", wants.os != "linux"),
        (f"environment.gpus = {wants.gpus}", bool(wants.gpus)),
        (f"environment.cpus = {wants.cpus}", wants.cpus is not None and wants.cpus < 0),
        (
            f"environment.memory_mb = {wants.memory_mb} (the least is {_LEAST_MB})",
            0 != (wants.memory_mb or 0) < _LEAST_MB,
        ),
        ("environment.tpu", wants.tpu is not None),
        ("steps with a verifier of their own", any(each.verifier.environment is not None for each in task.steps)),
        ("steps together with verifier.environment", bool(task.steps) and task.config.verifier.separate),
        ("verifier.collect of another service", any(each.service != MAIN for each in task.config.verifier.collect)),
    ):
        if asked:
            yield feature
    yield from _network(task)
    if task.dockerfile is not None and wants.docker_image is None:
        yield from classic(task.dockerfile, BuildContext(task.environment, hidden=task.hidden)).refused
    yield from (f"docker-compose.yaml: {each}" for each in compose.refused)
    yield from _services(task, compose, architecture)


def _services(task: Task, compose: Compose, architecture: str) -> Iterator[str]:
    for build in service_builds(task, compose) if not compose.refused else ():
        told = classic(build.dockerfile, BuildContext(build.folder, dockerfile=build.file)).refused
        yield from (f"services.{build.service}: {each}" for each in told)
    for service in compose.services:
        if service.platform is not None and _architecture(service.platform) != architecture:
            yield f"services.{service.name}.platform: {service.platform} (the engine's is linux/{architecture})"


def _architecture(platform: str) -> str:
    """Give the architecture of a platform; another system than Linux has none."""
    system, _, rest = platform.lower().rpartition("linux/")
    name = rest.partition("/")[0]
    return "" if system or "/" in name else _ALIASES.get(name, name)


def noted(task: Task, compose: Compose, cpus: int) -> Iterator[str]:
    """What is honoured less strictly.

    Args:
        task: Which.
        compose: Its services.
        cpus: CPUs of the machine.
    """
    yield from (f"docker-compose.yaml: {each}" for each in compose.dropped)
    for service in compose.services:
        if service.cpus is not None and service.cpus > cpus:
            yield f"docker-compose.yaml: services.{service.name}.cpus = {service.cpus:g}: this machine has {cpus}"
    wants = task.config.environment
    if wants.storage_mb is not None:
        yield f"environment.storage_mb = {wants.storage_mb}: watched, and not barred; volumes and services are not"
    if wants.cpus is not None and wants.cpus > cpus:
        yield f"environment.cpus = {wants.cpus}: this machine has {cpus}"
    if any(each.service not in {None, MAIN} for each in task.config.artifacts):
        yield "artifacts of other services (they are not kept)"
    if wants.mcp_servers:
        yield "environment.mcp_servers (they run, but no built-in agent calls them)"


def _network(task: Task) -> Iterator[str]:
    config = task.config
    for place, mode in (
        ("environment", config.environment.network_mode),
        ("agent", config.agent.network_mode),
        ("verifier", config.verifier.network_mode),
    ):
        if mode == "allowlist":
            yield f"{place}.network_mode = 'allowlist'"
    for step in task.steps:
        for place, own, usual in (
            ("agent", step.agent.network_mode, task.network_in("agent")),
            ("verifier", step.verifier.network_mode, task.network_in("verify")),
        ):
            if own not in {None, usual}:
                yield f"steps.{step.name}.{place}.network_mode = {own!r} (another than the other steps have)"
    if task.has_compose and len(task.networks) > 1:
        yield "docker-compose.yaml together with a network that changes between phases"
