"""A runner in a container, seen from outside: the pipe of its orders, and whether it is ready."""

import os
from pathlib import Path

import anyio

from sandbox.docker_errand import make_pipe


class Runner:
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
