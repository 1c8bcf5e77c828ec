"""Bringing commands into a container, and seeing how they end."""

from collections.abc import Mapping
from typing import Final

from aiodocker.containers import DockerContainer
from anyio import create_task_group, move_on_after

from sandbox.base import Ended
from sandbox.docker_engine import Engine
from sandbox.docker_errand import Errand
from sandbox.docker_failures import EngineFailed
from sandbox.docker_runner import Runner
from sandbox.errors import SandboxLost

_KILL_S: Final = 10.0
_LOOK_S: Final = 1.0
"""Seconds after which a command that has not begun is reason to look at the container."""


class Carrier:
    """Carries commands into one container."""

    def __init__(self, sandbox: str, engine: Engine, container: DockerContainer) -> None:
        self._id = sandbox
        self._engine = engine
        self._container = container

    async def carry(self, runner: Runner, errand: Errand, timeout_s: float | None) -> Ended:
        """Have a command run and wait for its end, or put an end to it."""
        try:
            with move_on_after(timeout_s) as clock:
                async with create_task_group() as group:
                    for output in (errand.outputs.stdout, errand.outputs.stderr):
                        group.start_soon(errand.outputs.pump, output, group.cancel_scope.cancel)
                    self._order(runner, f"run {errand.number}")
                    await self._begun(errand)
                    await errand.ended()
                    group.cancel_scope.cancel()
        finally:
            if not errand.over:
                await self._kill(runner, errand)
        if errand.outputs.over:
            return "output_limit"
        return "timed_out" if clock.cancelled_caught else "exited"

    async def _begun(self, errand: Errand) -> None:
        """Wait until a command has begun; a container that ended before that will never say so."""
        while True:
            with move_on_after(_LOOK_S):
                await errand.begun()
                return
            if not (await self.state()).get("Running"):
                errand.lost = True

    async def _kill(self, runner: Runner, errand: Errand) -> None:
        """Kill a command and all of its process group. Shielded, or a cancelled command would go on by itself."""
        with move_on_after(_KILL_S, shield=True) as grace:
            await self._begun(errand)
            if errand.pid is not None and not errand.over:
                self._order(runner, f"kill {errand.pid}")
            await errand.ended()
        if grace.cancelled_caught:
            raise SandboxLost(self._id, "a killed command does not end")

    def _order(self, runner: Runner, text: str) -> None:
        try:
            runner.order(text)
        except BlockingIOError as error:
            raise SandboxLost(self._id, "nothing in its container takes orders any more") from error

    async def state(self) -> Mapping[str, object]:
        """Say how the container is.

        Raises:
            SandboxLost: The engine does not say.
        """
        try:
            return await self._engine.state(self._container)
        except EngineFailed as error:
            raise SandboxLost(self._id, f"the engine says: {error.detail}") from error
