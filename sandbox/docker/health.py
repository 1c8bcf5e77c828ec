"""Whether a container is healthy, by the image's own HEALTHCHECK or its service's in a compose file."""

from typing import Any, Final

import anyio
from aiodocker.containers import DockerContainer

from sandbox.docker.client import Engine
from sandbox.docker.errors import EngineFailed

_LOOK_S: Final = 0.2
"""Seconds between two looks at a container."""
_NANO: Final = 1e9
_USUAL_S: Final = 30.0
"""Seconds between two checks where nobody said."""
_SAID: Final = 500
"""Characters of a failed check that are told."""


async def until_healthy(engine: Engine, container: DockerContainer, name: str) -> None:
    """Wait while the engine's own health check of a container has not decided. One without a check is healthy.

    Raises:
        EngineFailed: It is unhealthy, or does not run.
    """
    looks = _Looks(engine, container)
    while True:
        state = await engine.state(container)
        health = state.get("Health") or {}
        if not state.get("Running"):
            raise EngineFailed(f"{name} ended with code {state.get('ExitCode')} before it was healthy")
        match health.get("Status"):
            case "starting":
                await looks.see(health)
                await anyio.sleep(_LOOK_S)
            case "unhealthy":
                raise EngineFailed(f"{name} is unhealthy: {_last_said(health)}")
            case _:
                return


class _Looks:
    """Checks by Podman, which leaves them to timers of systemd: where there are none, nothing would ever be checked.

    So whenever an interval has passed and no check was made, one is asked for.
    """

    def __init__(self, engine: Engine, container: DockerContainer) -> None:
        self._engine = engine
        self._container = container
        self._seen: object = None
        self._due = 0.0

    async def see(self, health: dict[str, Any]) -> None:
        """Look at the checks made so far; have one made that is overdue."""
        if not self._engine.podman:
            return
        last = (health.get("Log") or [None])[-1]
        now = anyio.current_time()
        if not self._due or last != self._seen:
            self._seen, self._due = last, now + await self._interval()
        elif now > self._due:
            self._due = now + await self._interval()
            await self._engine.check_health(self._container)

    async def _interval(self) -> float:
        check = (await self._engine.show(self._container))["Config"].get("Healthcheck") or {}
        return float(check.get("Interval", 0)) / _NANO or _USUAL_S


def _last_said(health: dict[str, Any]) -> str:
    log = health.get("Log") or [{}]
    return str(log[-1].get("Output", "")).strip()[-_SAID:]
