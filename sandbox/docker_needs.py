"""What a task needs that the Docker backend cannot give, by the names used in the task's own files."""

from collections.abc import Iterator

from sandbox.dockerfile_classic import classic
from sandbox.task import Task


def refused(task: Task) -> Iterator[str]:
    """Each feature by name; none when the task can run."""
    wants = task.config.environment
    for feature, asked in (
        (f"environment.os = {wants.os!r}", wants.os != "linux"),
        (f"environment.gpus = {wants.gpus}", bool(wants.gpus)),
        ("environment.tpu", wants.tpu is not None),
        ("environment.mcp_servers", bool(wants.mcp_servers)),
        ("environment.healthcheck", wants.healthcheck is not None),
        ("environment/docker-compose.yaml (sidecars)", task.has_compose),
        ("steps (a task of several steps)", bool(task.steps)),
        ("verifier.environment (a verifier of its own)", task.config.verifier.separate),
    ):
        if asked:
            yield feature
    yield from _network(task)
    if task.dockerfile is not None:
        yield from classic(task.dockerfile, task.environment).refused


def _network(task: Task) -> Iterator[str]:
    config = task.config
    for place, mode in (
        ("environment", config.environment.network_mode),
        ("agent", config.agent.network_mode),
        ("verifier", config.verifier.network_mode),
    ):
        if mode == "allowlist":
            yield f"{place}.network_mode = 'allowlist'"
        elif mode is not None and place != "environment" and mode != (config.environment.network_mode or "public"):
            yield f"{place}.network_mode = {mode!r} (a network of its own for this phase)"
