"""What a task needs that the Docker backend cannot give, by the names used in the task's own files."""

from collections.abc import Iterator

from sandbox.build_context import BuildContext
from sandbox.compose_values import MAIN
from sandbox.dockerfile_classic import classic
from sandbox.task import Task


def refused(task: Task) -> Iterator[str]:
    """Each feature by name; none when the task can run."""
    wants = task.config.environment
    for feature, asked in (
        (f"environment.os = {wants.os!r}", wants.os != "linux"),
        (f"environment.gpus = {wants.gpus}", bool(wants.gpus)),
        ("environment.tpu", wants.tpu is not None),
        ("steps with a verifier of their own", any(each.verifier.environment is not None for each in task.steps)),
        ("steps together with verifier.environment", bool(task.steps) and task.config.verifier.separate),
        ("verifier.collect of another service", any(each.service != MAIN for each in task.config.verifier.collect)),
    ):
        if asked:
            yield feature
    yield from _network(task)
    if task.dockerfile is not None and wants.docker_image is None:
        yield from classic(task.dockerfile, BuildContext(task.environment)).refused


def noted(task: Task, cpus: int) -> Iterator[str]:
    """What is honoured less strictly.

    Args:
        task: Which.
        cpus: CPUs of the machine.
    """
    wants = task.config.environment
    if wants.storage_mb is not None:
        yield f"environment.storage_mb = {wants.storage_mb}: watched, and not barred; volumes and services are not"
    if wants.cpus is not None and wants.cpus > cpus:
        yield f"environment.cpus = {wants.cpus}: this machine has {cpus}"
    if any(each.service not in {None, MAIN} for each in task.config.artifacts):
        yield "artifacts of other services (they are not kept)"
    if wants.mcp_servers:
        yield "environment.mcp_servers (they run, and no agent of ours asks them)"


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
