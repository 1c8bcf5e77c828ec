"""What a task needs that the local backend cannot give, by the names used in the task's own files."""

from collections.abc import Iterator
from typing import Final, Literal

from sandbox.harbor.network_commands import network_commands
from sandbox.harbor.schema import Environment, TaskStep
from sandbox.harbor.task import SOLUTION_SCRIPT, TEST_SCRIPT, Task
from sandbox.local.build_steps import BuildRecipe

HostNetwork = Literal["none", "host"]
"""What a task that asks for the network gets from the local backend: nothing, or the host's own."""

_ROOT: Final = frozenset({None, "root", "0", 0})


def refused(task: Task, recipe: BuildRecipe, network: HostNetwork) -> Iterator[str]:
    """Each feature by name; none when the task can run."""
    yield from _environment(task.config.environment)
    yield from _network(task, network)
    yield from _phases(task)
    if task.has_compose:
        yield "environment/docker-compose.yaml (sidecars)"
    yield from recipe.refused
    yield from _packages(task, network)


def noted(task: Task, recipe: BuildRecipe, network: HostNetwork) -> Iterator[str]:
    """What is honoured less strictly than in a container."""
    yield from recipe.notes
    table = task.config.environment
    if table.network_mode is None and network == "none":
        yield "environment.network_mode is not set, which means public; this sandbox has no network"
    if table.cpus is not None:
        yield f"environment.cpus = {table.cpus}: not limited"
    if table.memory_mb is not None:
        yield f"environment.memory_mb = {table.memory_mb}: for each process, not for their sum"
    if table.storage_mb is not None:
        yield f"environment.storage_mb = {table.storage_mb}: barred for each file, for their sum watched"


def _environment(table: Environment) -> Iterator[str]:
    if table.docker_image is not None:
        yield f"environment.docker_image = {table.docker_image!r}"
    if table.os != "linux":
        yield f"environment.os = {table.os!r}"
    if table.gpus:
        yield f"environment.gpus = {table.gpus}"
    if table.tpu is not None:
        yield "environment.tpu"
    if table.mcp_servers:
        yield "environment.mcp_servers"
    if table.healthcheck is not None:
        yield "environment.healthcheck"


def _network(task: Task, network: HostNetwork) -> Iterator[str]:
    config, baseline = task.config, task.network_in("begin")
    for place, table in (("environment", config.environment), ("agent", config.agent), ("verifier", config.verifier)):
        if table.network_mode == "allowlist":
            yield f"{place}.network_mode = 'allowlist'"
        elif table.network_mode == "public" and network == "none":
            yield f"{place}.network_mode = 'public' (no network here unless the host's is shared)"
        elif table.network_mode not in {None, baseline} and network == "host":
            yield f"{place}.network_mode = {table.network_mode!r} (one network for the whole sandbox)"


def _phases(task: Task) -> Iterator[str]:
    config = task.config
    for place, user in (("agent", config.agent.user), ("verifier", config.verifier.user)):
        if user not in _ROOT:
            yield f"{place}.user = {user!r}"
    for step in task.steps:
        yield from _of_step(step)
    if config.verifier.separate:
        yield "verifier.environment_mode = 'separate'"
    if config.verifier.collect:
        yield "verifier.collect"


def _of_step(step: TaskStep) -> Iterator[str]:
    if step.agent.user not in _ROOT or step.verifier.user not in _ROOT:
        yield f"steps.{step.name}: a user"
    if step.agent.network_mode is not None or step.verifier.network_mode is not None:
        yield f"steps.{step.name}: a network of its own"
    if step.verifier.environment is not None:
        yield f"steps.{step.name}.verifier.environment"


def _packages(task: Task, network: HostNetwork) -> Iterator[str]:
    """Scripts that would install or fetch. Without this they would fail inside, and look like a failed attempt."""
    folders = ["", *(f"steps/{each.name}/" for each in task.steps)]
    for file in (folder + script for folder in folders for script in (TEST_SCRIPT, SOLUTION_SCRIPT)):
        path = task.path / file
        if not path.is_file():
            continue
        for each in network_commands(path.read_text(encoding="utf-8", errors="replace")):
            if each.installs or network == "none":
                yield f"{file} line {each.line}: {each.text} (packages or network)"
