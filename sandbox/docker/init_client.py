"""A runner in a container, seen from outside: the pipe of its orders, and whether it is ready."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import anyio
from aiodocker.containers import DockerContainer
from anyio import current_time, move_on_after

from sandbox.base import Ended
from sandbox.docker.client import Engine
from sandbox.docker.errors import EngineFailed
from sandbox.docker.exec import ContainerExec, ExecRequest
from sandbox.docker.keeper_client import KeeperClient, make_pipe
from sandbox.errors import SandboxLost

_PAGE: Final = 4096
_READY: Final = re.compile(rb"(?P<shell>/bin/sh|bash) (?P<apart>none|waits|forks)")
"""What a runner says. Nothing else may be taken for the shell: as root, it would be what somebody else chose."""


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
        self._pipes = {io / f"{name}.orders": 0o644, io / f"{name}.ready": 0o666}
        self._orders, self._ready = (_open_pipe(*each) for each in self._pipes.items())
        self._spare = list[KeeperClient]()
        """Keepers that have nothing to do; the last one was busy last."""
        self._closed = False

    async def ready(self) -> None:
        """Wait until it says that it is ready; what is not in its words is passed over, as all can write there."""
        rest, found = b"", None
        while found is None:
            await anyio.wait_readable(self._ready)
            *lines, rest = (rest + os.read(self._ready, _PAGE)).split(b"\n")
            rest = rest[-_PAGE:]
            found = next((each for line in reversed(lines) if (each := _READY.fullmatch(line))), None)
        self.shell, self.apart = found["shell"].decode(), found["apart"] != b"none"

    def order(self, text: str) -> None:
        """Tell it something. An order is short, and a pipe takes thousands of them before it is full.

        Raises:
            BlockingIOError: The pipe is full: nobody reads it any more.
        """
        os.write(self._orders, f"{text}\n".encode())

    def keeper(self) -> KeeperClient | None:
        """Take a keeper that has nothing to do. None: there is none."""
        while self._spare:
            keeper = self._spare.pop()
            if keeper.look():
                return keeper
            keeper.shut()
        return None

    def give_back(self, keeper: KeeperClient) -> None:
        """Have a keeper wait for the next command, unless there will be none."""
        if self._closed:
            keeper.shut()
        else:
            self._spare.append(keeper)

    def let_go(self) -> None:
        """Let go of the keepers that have nothing to do."""
        while self._spare:
            self._spare.pop().shut()

    def renew(self) -> None:
        """Make its pipes anew once its container was killed: what was left in them would be read by who starts next."""
        self.let_go()
        self._close_pipes()
        for each in self._pipes:
            each.unlink(missing_ok=True)
        self._orders, self._ready = (_open_pipe(*each) for each in self._pipes.items())

    def close(self) -> None:
        """Close our ends."""
        self._closed = True
        self.let_go()
        self._close_pipes()

    def _close_pipes(self) -> None:
        os.close(self._orders)
        os.close(self._ready)


def _open_pipe(path: Path, mode: int) -> int:
    """Open both ends at once, so that neither side ever waits for the other to come, or sees it leave."""
    if not path.exists():
        make_pipe(path, mode)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


_UNHEARD: Final = "nothing in its container takes orders any more"
_KILL_S: Final = 10.0
_AGAIN_S: Final = 0.2
"""Seconds after which a command is killed once more: it may have been about to have a group of its own."""
_PATIENT_S: Final = 2.0
"""Seconds in which only the command is killed, and not its keeper."""
_LOOK_S: Final = 1.0
"""Seconds after which a command that has not begun is reason to look at the container, and that this takes at most
while it is killed."""


class ContainerExecutor:
    """Carries commands into one container."""

    def __init__(self, sandbox: str, engine: Engine, container: DockerContainer) -> None:
        self._id = sandbox
        self._engine = engine
        self._container = container

    async def start(self, runner: InitClient, folder: Path) -> KeeperClient:
        """Have a keeper start. It is not waited for: its pipes hold what it is told meanwhile."""
        keeper = await anyio.to_thread.run_sync(KeeperClient, folder)
        try:
            self._order(runner, f"run {keeper.number}")
        except SandboxLost:
            keeper.shut()
            raise
        return keeper

    def begin(self, keeper: KeeperClient, wanted: ExecRequest, limit: int) -> ContainerExec:
        """Have a command run."""
        try:
            return ContainerExec(keeper, wanted, limit)
        except OSError as error:
            keeper.shut()
            if isinstance(error, BlockingIOError):
                raise SandboxLost(self._id, _UNHEARD) from error
            raise

    async def follow(self, runner: InitClient, errand: ContainerExec, timeout_s: float | None) -> Ended:
        """Wait for a command's end, or put an end to it."""
        try:
            with move_on_after(timeout_s) as clock:
                while not (errand.over or errand.outputs.over):
                    await self._more(runner, errand)
        finally:
            if not errand.over:
                await self._kill(runner, errand)
        if errand.outputs.over:
            return "output_limit"
        return "timed_out" if clock.cancelled_caught else "exited"

    async def _more(self, runner: InitClient, errand: ContainerExec) -> None:
        """Wait for something of a command; if it does not begin, look why."""
        if errand.pid is not None:
            await errand.more()
            return
        with move_on_after(_LOOK_S) as look:
            await errand.more()
        if look.cancelled_caught:
            await self._look(runner, errand)

    async def _look(self, runner: InitClient, errand: ContainerExec) -> None:
        """Look why a command has not begun: its container may have ended.

        Its keeper may also have been stopped, by whatever ran beside it.
        """
        if errand.begun():
            return
        if not (await self.state()).get("Running"):
            errand.lost = True
        elif errand.keeper.pid is not None:
            self._order(runner, f"wake {errand.keeper.pid}")

    async def _kill(self, runner: InitClient, errand: ContainerExec) -> None:
        """Kill a command and all of its process group. Shielded, or a cancelled command would go on by itself."""
        with move_on_after(_KILL_S, shield=True) as grace:
            patient_until = current_time() + _PATIENT_S
            while not errand.over:
                self._strike(runner, errand, keeper_too=current_time() >= patient_until)
                with move_on_after(_AGAIN_S):
                    while not errand.over:
                        await errand.more()
                if not errand.over:
                    with move_on_after(_LOOK_S):  # an engine that is busy must not hold up what kills
                        await self._look(runner, errand)
            if errand.code is None:  # it may have begun just as its keeper was killed
                self._strike(runner, errand, keeper_too=False)
        if grace.cancelled_caught:
            raise SandboxLost(self._id, "a killed command does not end")

    def _strike(self, runner: InitClient, errand: ContainerExec, *, keeper_too: bool) -> None:
        """Kill a command; its keeper as well if that is stopped, or the command has not begun."""
        if errand.begun():
            self._order(runner, f"kill {errand.pid}")
        if errand.keeper.pid is not None and (keeper_too or errand.pid is None):
            self._order(runner, f"kill {errand.keeper.pid}")

    def _order(self, runner: InitClient, text: str) -> None:
        try:
            runner.order(text)
        except BlockingIOError as error:
            raise SandboxLost(self._id, _UNHEARD) from error

    async def state(self) -> Mapping[str, object]:
        """Say how the container is.

        Raises:
            SandboxLost: The engine does not say.
        """
        try:
            return await self._engine.state(self._container)
        except EngineFailed as error:
            raise SandboxLost(self._id, f"the engine says: {error.detail}") from error
