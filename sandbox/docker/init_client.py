"""A runner in a container, seen from outside: the pipe of its orders, and whether it is ready."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import anyio
from aiodocker.containers import DockerContainer
from anyio import create_task_group, move_on_after

from sandbox.base import Ended
from sandbox.docker.client import Engine
from sandbox.docker.errors import EngineFailed
from sandbox.docker.exec import ContainerExec, make_pipe
from sandbox.errors import SandboxLost


class InitClient:
    """Starts commands as one user. Its pipes outlive it: a container that is started again finds them."""

    def __init__(self, io: Path, name: str) -> None:
        """Make its pipes, if they are not there.

        Args:
            io: The folder both sides see.
            name: What its pipes are called; the runner is given it as its argument.
        """
        self.name = name
        self.shell = ""
        """The shell for commands; empty until it is ready."""
        self.apart = False
        """Whether each command has a session of its own, so that it can be killed with all it started."""
        self._orders = _open_pipe(io / f"{name}.orders")
        self._ready = _open_pipe(io / f"{name}.ready")

    async def ready(self) -> None:
        """Wait until it says that it is ready."""
        said = b""
        while not said.endswith(b"\n"):
            await anyio.wait_readable(self._ready)
            said += os.read(self._ready, 4096)
        self.shell, _, apart = said.decode("ascii", "replace").splitlines()[-1].partition(" ")
        self.apart = apart != "none"

    def order(self, text: str) -> None:
        """Tell it something. An order is short, and a pipe takes thousands of them before it is full.

        Raises:
            BlockingIOError: The pipe is full: nobody reads it any more.
        """
        os.write(self._orders, f"{text}\n".encode())

    def close(self) -> None:
        """Close our ends."""
        os.close(self._orders)
        os.close(self._ready)


def _open_pipe(path: Path) -> int:
    """Open both ends at once, so that neither side ever waits for the other to come, or sees it leave."""
    if not path.exists():
        make_pipe(path)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


_KILL_S: Final = 10.0
_LOOK_S: Final = 1.0
"""Seconds after which a command that has not begun is reason to look at the container."""


class ContainerExecutor:
    """Carries commands into one container."""

    def __init__(self, sandbox: str, engine: Engine, container: DockerContainer) -> None:
        self._id = sandbox
        self._engine = engine
        self._container = container

    async def run(self, runner: InitClient, errand: ContainerExec, timeout_s: float | None) -> Ended:
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

    async def _begun(self, errand: ContainerExec) -> None:
        """Wait until a command has begun; a container that ended before that will never say so."""
        while True:
            with move_on_after(_LOOK_S):
                await errand.begun()
                return
            if not (await self.state()).get("Running"):
                errand.lost = True

    async def _kill(self, runner: InitClient, errand: ContainerExec) -> None:
        """Kill a command and all of its process group. Shielded, or a cancelled command would go on by itself."""
        with move_on_after(_KILL_S, shield=True) as grace:
            await self._begun(errand)
            if errand.pid is not None and not errand.over:
                self._order(runner, f"kill {errand.pid}")
            await errand.ended()
        if grace.cancelled_caught:
            raise SandboxLost(self._id, "a killed command does not end")

    def _order(self, runner: InitClient, text: str) -> None:
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
