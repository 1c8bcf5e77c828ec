"""Whether a container is healthy, by the image's own HEALTHCHECK or its service's in a compose file."""

from typing import Any, Final

import anyio
from aiodocker.containers import DockerContainer

from sandbox.docker_engine import Engine
from sandbox.docker_failures import EngineFailed

_LOOK_S: Final = 0.2
"""Seconds between two looks at a container."""
_SAID: Final = 500
"""Characters of a failed check that are told."""


async def until_healthy(engine: Engine, container: DockerContainer, name: str) -> None:
    """Wait while the engine's own health check of a container has not decided. One without a check is healthy.

    Raises:
        EngineFailed: It is unhealthy, or does not run.
    """
    while True:
        state = await engine.state(container)
        health = state.get("Health") or {}
        if not state.get("Running"):
            raise EngineFailed(f"{name} ended with code {state.get('ExitCode')} before it was healthy")
        match health.get("Status"):
            case "starting":
                await anyio.sleep(_LOOK_S)
            case "unhealthy":
                raise EngineFailed(f"{name} is unhealthy: {_last_said(health)}")
            case _:
                return


def _last_said(health: dict[str, Any]) -> str:
    log = health.get("Log") or [{}]
    return str(log[-1].get("Output", "")).strip()[-_SAID:]
