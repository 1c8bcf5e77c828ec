"""A task's ``docker-compose.yaml``, read from its folder with the variables that Harbor gives it."""

from collections.abc import Mapping
from typing import Final

import yaml

from sandbox.errors import TaskInvalid
from sandbox.harbor.compose.reader import read_compose
from sandbox.harbor.compose.schema import Compose
from sandbox.harbor.compose.values import LOGS, filled, named
from sandbox.harbor.task import COMPOSE, Task
from sandbox.harbor.yaml_tree import YamlUnfit, read_yaml

OWN_IMAGE: Final = "stillroom-main"
"""What ``${MAIN_IMAGE_NAME}`` stands for: the image that is built from the task."""
_NOTHING: Final = Compose((), frozenset(), (), ())
_LOGS: Final = ("VERIFIER", "AGENT")


def compose_of(task: Task, env: Mapping[str, str]) -> Compose:
    """Read it. What the host has and nobody gave is never passed on empty: see `Compose.dropped` and ``refused``.

    Args:
        task: Whose. One without the file has no services.
        env: Variables of the environment: ``environment.env``, resolved.

    Raises:
        TaskInvalid: It is no YAML, or its aliases repeat too much.
    """
    if not task.has_compose:
        return _NOTHING
    try:
        raw = read_yaml((task.environment / COMPOSE).read_bytes())
    except YamlUnfit as error:
        raise TaskInvalid(task.name, COMPOSE, str(error), remedy="fix the file") from error
    except yaml.YAMLError as error:
        raise TaskInvalid(task.name, COMPOSE, f"not YAML: {error}", remedy="fix its syntax") from error
    return read_compose(filled(named(raw or {}), {**_variables(task), **env}))


def _variables(task: Task) -> dict[str, str]:
    """Give what Harbor gives (`reference/harbor.md`, a.3). Its log folders are no bind mounts here."""
    wants = task.config.environment
    logs = {f"HOST_{each}_LOGS_PATH": f"{LOGS}{each.lower()}" for each in _LOGS}
    inside = {f"ENV_{each}_LOGS_PATH": f"/logs/{each.lower()}" for each in _LOGS}
    return {
        **logs,
        **inside,
        "HOST_ARTIFACTS_PATH": f"{LOGS}artifacts",
        "ENV_ARTIFACTS_PATH": "/logs/artifacts",
        "MAIN_IMAGE_NAME": OWN_IMAGE,
        "CONTEXT_DIR": ".",
        "CPUS": str(wants.cpus or 1),
        "MEMORY": f"{wants.memory_mb or 2048}M",
        "TEST_DIR": "",
        "NETWORK_MODE": "",
        "HOME": "/home",
    }
