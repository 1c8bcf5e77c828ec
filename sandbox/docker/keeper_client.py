"""A keeper in a container, seen from outside: it runs commands one after another, and tells how each ended.

Its folder is mounted read-only in the container, which keeps an agent from filling the host's disk through it and still
lets it write to pipes. Orders, news and outputs pass between the command and us without the engine: a command costs
a millisecond and not an API call, and an engine that is busy or gone does not come between. The keeper and its pipes
stay for the next command, as long as nothing holds on to the outputs of the last one.
"""

import fcntl
import os
import select
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

import anyio
from anyio.lowlevel import checkpoint

from sandbox.outputs import CHUNK, InheritedPipes, Output

OUTPUTS: Final = ("out", "err")
_OWN: Final = 0o644
"""Of pipes that only we write to: who runs as another user in a container reads them at most."""
_ALL: Final = 0o666
_PAGE: Final = 4096
_LONGEST_LINE: Final = 200
"""Bytes of a line of news; whatever is longer is no keeper's."""
_MOST_READS: Final = 16
"""At a time, of a pipe that somebody else may fill without end."""


class KeeperClient:
    """One keeper, and its pipes."""

    def __init__(self, folder: Path) -> None:
        """Lay everything out; blocking, for a fraction of a millisecond.

        Args:
            folder: To be made; the container sees it, too.
        """
        self.number = folder.name
        self.pid: int | None = None
        """Its process, as the container counts, and the group of it. None: it has not begun."""
        self._folder = folder
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
        self.write("in", "")
        self._orders = _narrow(_open_pipe(folder / "orders", os.O_RDWR, _OWN))
        self._news = Output(_narrow(_open_pipe(folder / "news", os.O_RDONLY, _ALL)))
        self._begun = _narrow(_open_pipe(folder / "pid", os.O_RDONLY, _ALL))
        self.readers = {name: _open_pipe(folder / name, os.O_RDONLY, _ALL) for name in OUTPUTS}
        # Until the keeper holds it: without a writing end, a pipe that nobody has opened yet looks like one that ended.
        self._ours: int | None = os.open(folder / "news", os.O_WRONLY | os.O_NONBLOCK)
        self._numbers = count(1)
        # Edges: a pipe whose writers are gone would be ready for ever, and is read again for the next command.
        self._waiting = select.epoll()
        for each in (self._news.reader, *self.readers.values()):
            self._waiting.register(each, select.EPOLLIN | select.EPOLLET)
        self._untold = set[int]()
        """The pipe of news, while it may hold more than was read of it though its edge was seen."""

    @property
    def gone(self) -> bool:
        """Whether it has ended."""
        return self._news.ended

    def look(self) -> bool:
        """Say whether it can be given a command: it has not ended meanwhile."""
        self.news()
        return not self.gone

    def write(self, name: str, text: str) -> None:
        """Write a file of its folder. What still reads one of this name goes on with the old one."""
        path = self._folder / name
        path.unlink(missing_ok=True)
        self.rewrite(name, text)
        path.chmod(0o644)

    def rewrite(self, name: str, text: str) -> None:
        """Write a file of its folder over, which nobody reads."""
        with (self._folder / name).open("wb", buffering=0) as file:
            file.write(text.encode())

    def order(self) -> str:
        """Have it run what stands in its folder; give the number under which it tells of that.

        Raises:
            BlockingIOError: Its pipe is full: nobody reads it any more.
        """
        for each in (self._begun, *self.readers.values()):
            _read_away(each)
        # What a quick keeper told before it was given an order is still to be read, or its end would not be seen.
        self._untold = self.found() & {self._news.reader}
        number = str(next(self._numbers))
        os.write(self._orders, f"{number}\n".encode())
        return number

    @property
    def teller(self) -> int:
        """The pipe of its news."""
        return self._news.reader

    async def ready(self) -> set[int]:
        """Wait for news or outputs; give the pipes that have any, each of which must be read until it is empty."""
        if self._untold:
            await checkpoint()
        else:
            await anyio.wait_readable(self._waiting.fileno())
        return self.found()

    def found(self) -> set[int]:
        """Give the pipes that have news or outputs now, beside those that were given before."""
        untold, self._untold = self._untold, set()
        return untold | {each for each, _ in self._waiting.poll(0)}

    def news(self) -> list[list[str]]:
        """Read what it told since the last time: lines, in words."""
        for _ in range(_MOST_READS):
            if not self._news.read():
                break
        *lines, rest = self._news.kept.split(b"\n")
        self._news.kept = rest[-_LONGEST_LINE:]
        told = [line.decode("ascii", "replace").split() for line in lines]
        for words in told:
            match words:
                case ["kept", pid] if pid.isdecimal() and self.pid is None:
                    self.pid = int(pid)
                    self._let_go()  # from now on the pipe's end is the keeper's
                case _:
                    pass
        return told

    def begun(self, number: str) -> int | None:
        """Say which process leads the group of a command. None: the command has not begun."""
        try:
            told = os.read(self._begun, 2 * _PAGE)
        except BlockingIOError:
            return None
        for line in told.decode("ascii", "replace").splitlines():
            match line.split():
                case [each, pid] if each == number and pid.isdecimal():
                    return int(pid)
                case _:
                    pass
        return None

    def close(self) -> None:
        """Close all of our ends but those of the outputs: it ends."""
        self._let_go()
        self._waiting.close()
        for each in (self._orders, self._news.reader, self._begun):
            os.close(each)

    def shut(self) -> None:
        """Close all of our ends, and leave its folder as it is."""
        self.close()
        for each in self.readers.values():
            os.close(each)

    def retire(self, outputs: dict[str, Output], lingering: InheritedPipes) -> None:
        """Close it and remove its folder.

        Pipes that background processes hold open stay, so that whoever takes the sandbox up finds them.
        """
        self.close()
        held = [name for name, output in outputs.items() if not output.ended]
        for output in outputs.values():
            output.release(lingering)
        if held:
            for each in self._folder.iterdir():
                if each.name not in held:
                    each.unlink()
        else:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _let_go(self) -> None:
        if self._ours is not None:
            os.close(self._ours)
            self._ours = None


def _open_pipe(path: Path, how: int, mode: int) -> int:
    """Make a named pipe, and open it without waiting for the other side."""
    make_pipe(path, mode)
    return os.open(path, how | os.O_NONBLOCK)


def make_pipe(path: Path, mode: int) -> None:
    """Make a named pipe; users of a container are others than its owner."""
    os.mkfifo(path)
    path.chmod(mode)


def _read_away(pipe: int) -> None:
    """Empty a pipe of what is of no command."""
    with suppress(BlockingIOError):
        for _ in range(_MOST_READS):
            if not os.read(pipe, CHUNK):
                return


def _narrow(pipe: int) -> int:
    """Have a pipe that carries lines take no more of a user's allowance than a page."""
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PAGE)
    return pipe
