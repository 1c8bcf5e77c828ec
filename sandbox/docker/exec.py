"""A command on its way into a container: its script and its pipes, in a folder both sides see.

The folder is mounted read-only in the container, which keeps an agent from filling the host's disk through it and still
lets it write to pipes. Orders, news and outputs pass between the command and us without the engine: a command costs
a millisecond and not an API call, and an engine that is busy or gone does not come between.
"""

import os
import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import anyio

from sandbox.outputs import InheritedPipes, Output, Outputs

MOUNT: Final = "/.stillroom"
"""Where a container sees the folder."""
_OUTPUTS: Final = ("out", "err")
_NUMBERED: Final = re.compile(r"(?:user-)?([0-9]+)")
_LONGEST: Final = 100_000
"""Bytes of a command that still fit in one argument of a program (Linux: 131,072)."""


class ExecRequest(NamedTuple):
    """A command."""

    text: str
    cwd: str
    env: Mapping[str, str]
    shell: str


class ContainerExec:
    """A command's folder and pipes, and what is known of it."""

    def __init__(self, folder: Path, wanted: ExecRequest, limit: int) -> None:
        """Lay everything out; blocking, for a fraction of a millisecond.

        Args:
            folder: To be made; the container sees it under `MOUNT`.
            wanted: What is to be run.
            limit: Bytes of both outputs together that are kept.
        """
        self.number = folder.name
        self.pid: int | None = None
        """First process of its group, as the container counts. None: it has not begun."""
        self.code: int | None = None
        """As a shell tells it: 128 + n for signal n. None: nobody told how it ended."""
        self.no_folder = False
        """Whether the folder to work in is missing; then it did not begin."""
        self.lost = False
        """Whether the container ended before anybody in it took the errand."""
        self._folder = folder
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
        _write(folder / "in", "")
        _write(folder / "run", _script(self.number, wanted))
        if _is_long(wanted):
            _write(folder / "text", wanted.text)
        self._ours: dict[str, int] = {}
        self._news = self._pipe("news")
        self._outputs = {name: self._pipe(name) for name in _OUTPUTS}
        self.outputs = Outputs(self._outputs["out"], self._outputs["err"], limit)

    @property
    def over(self) -> bool:
        """Whether it has ended, or whoever kept it is gone."""
        return self.lost or self._news.ended or self.code is not None

    async def begun(self) -> None:
        """Wait until it has begun; from then on the end of a pipe is an end."""
        while self.pid is None and not self.no_folder and not self.over:
            await self._read()
        self.release_ours()

    async def ended(self) -> None:
        """Wait until it has ended."""
        while not self.over:
            await self._read()

    def release_ours(self) -> None:
        """Close our writing ends. Without them a pipe that nobody has opened yet would look like one that ended."""
        while self._ours:
            os.close(self._ours.popitem()[1])

    def close(self, lingering: InheritedPipes) -> None:
        """Let go of the pipes and remove the folder.

        Pipes that background processes hold open stay, so that whoever takes the sandbox up finds them.
        """
        self.release_ours()
        os.close(self._news.reader)
        held = [name for name, output in self._outputs.items() if not output.ended]
        self.outputs.release(lingering)
        if held:
            for each in ("in", "run", "text", "news", *(self._outputs.keys() - held)):
                (self._folder / each).unlink(missing_ok=True)
        else:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _read(self) -> None:
        await anyio.wait_readable(self._news.reader)
        self._news.read()
        for line in self._news.kept.decode("ascii", "replace").splitlines():
            match line.split():
                case ["kept"]:
                    if "news" in self._ours:  # from now on the pipe's end is the keeper's
                        os.close(self._ours.pop("news"))
                case ["began", pid] if pid.isdecimal():
                    self.pid = int(pid)
                case ["nowhere"]:
                    self.no_folder = True
                case ["ended", code] if code.isdecimal():
                    self.code = int(code)
                case _:
                    pass

    def _pipe(self, name: str) -> Output:
        path = self._folder / name
        make_pipe(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._ours[name] = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        return Output(reader)


def make_pipe(path: Path) -> None:
    """Make a named pipe that every user of a container may write to and read from."""
    os.mkfifo(path)
    path.chmod(0o666)


def left_open(io: Path) -> tuple[int, list[int]]:
    """Say which number was used last, and open the outputs that background processes of earlier commands hold."""
    names = [(found, each) for each in io.iterdir() if (found := _NUMBERED.match(each.name))]
    pipes = [path / name for _, path in names for name in _OUTPUTS if (path / name).exists()]
    last = max((int(found[1]) for found, _ in names), default=0)
    return last, [os.open(each, os.O_RDONLY | os.O_NONBLOCK) for each in pipes]


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")
    path.chmod(0o644)


def _is_long(wanted: ExecRequest) -> bool:
    return len(wanted.text.encode()) > _LONGEST


def _script(number: str, wanted: ExecRequest) -> str:
    """Write what is run. Descriptor 3 leads to us, and the command does not have it."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in wanted.env.items()]
    if _is_long(wanted):
        command = f"exec {wanted.shell} {MOUNT}/{number}/text"
    else:
        command = f"exec {wanted.shell} -c {shlex.quote(wanted.text)}"
    lines = [
        f"cd -- {shlex.quote(wanted.cwd)} 2>/dev/null || {{ echo nowhere >&3; exit 0; }}",
        "echo began $$ >&3",
        "exec 3>&-",
        *exports,
        command,
    ]
    return "\n".join([*lines, ""])
