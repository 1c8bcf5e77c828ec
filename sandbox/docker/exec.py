"""A command in a container: its script, and what is known of it."""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from anyio.lowlevel import checkpoint

from sandbox.docker.keeper_client import OUTPUTS, KeeperClient
from sandbox.outputs import InheritedPipes, Output, Outputs

MOUNT: Final = "/.stillroom"
"""Where a container sees the folder."""
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
    """A command that a keeper runs, and what is known of it."""

    def __init__(self, keeper: KeeperClient, wanted: ExecRequest, limit: int) -> None:
        """Have a keeper run a command; blocking, for a fraction of a millisecond.

        Args:
            keeper: Which runs nothing else.
            wanted: What is to be run.
            limit: Bytes of both outputs together that are kept.

        Raises:
            BlockingIOError: Nobody takes orders any more.
        """
        self.keeper = keeper
        self.pid: int | None = None
        """First process of its group, as the container counts. None: it is not known to have begun."""
        self.code: int | None = None
        """As a shell tells it: 128 + n for signal n. None: nobody told how it ended."""
        self.no_folder = False
        """Whether the folder to work in is missing; then it did not begin."""
        self.lost = False
        """Whether the container ended before anybody in it took the order."""
        out, err = (keeper.readers[name] for name in OUTPUTS)
        self._outputs = {out: Output(out), err: Output(err)}
        self.outputs = Outputs(self._outputs[out], self._outputs[err], limit)
        self._full = set[int]()
        """Pipes that may hold more than was read of them."""
        if _is_long(wanted):
            keeper.write("text", wanted.text)
        keeper.rewrite("run", _script(keeper.number, wanted))
        self._number = keeper.order()

    @property
    def over(self) -> bool:
        """Whether it has ended, or whoever kept it is gone."""
        return self.lost or self.code is not None or self.keeper.gone

    async def more(self) -> None:
        """Wait for something of it, and read that: news, and a piece of each output."""
        if self._full:
            await checkpoint()
            found = self.keeper.found()
        else:
            found = await self.keeper.ready()
        if self.keeper.teller in found:
            self._learn()
        self._full |= found & self._outputs.keys()
        for reader, output in self._outputs.items():
            if reader in self._full and not output.read():
                self._full.discard(reader)

    def begun(self) -> bool:
        """Look whether it has begun."""
        self.pid = self.pid or self.keeper.begun(self._number)
        return self.pid is not None

    def release(self, lingering: InheritedPipes) -> bool:
        """Say whether its keeper can be given the next command; if not, close that."""
        if self.code is not None and not self.keeper.gone and all(each.ended for each in self._outputs.values()):
            return True
        self.keeper.retire(dict(zip(OUTPUTS, self._outputs.values(), strict=True)), lingering)
        return False

    def _learn(self) -> None:
        for words in self.keeper.news():
            match words:
                case ["nowhere", number] if number == self._number:
                    self.no_folder = True
                case ["ended", number, code] if number == self._number and code.isdecimal():
                    self.code = int(code)
                case ["ended", code] if code.isdecimal():  # the runner's: no keeper could be started
                    self.code = int(code)
                case _:
                    pass


def left_open(io: Path) -> tuple[int, list[int]]:
    """Say which number was used last, and open the outputs that background processes of earlier commands hold."""
    names = [(found, each) for each in io.iterdir() if (found := _NUMBERED.match(each.name))]
    pipes = [path / name for _, path in names for name in OUTPUTS if (path / name).exists()]
    last = max((int(found[1]) for found, _ in names), default=0)
    return last, [os.open(each, os.O_RDONLY | os.O_NONBLOCK) for each in pipes]


def _is_long(wanted: ExecRequest) -> bool:
    return len(wanted.text.encode()) > _LONGEST


def _script(folder: str, wanted: ExecRequest) -> str:
    """Write what is run, in a process that the keeper has started for it.

    Parameter 2 is the program `setsid`, parameter 3 the folder in which the keeper began. Descriptors 3 and 4 lead to
    us, and the command has neither.
    """
    exports = [f"export {name}={shlex.quote(value)}" for name, value in wanted.env.items()]
    if _is_long(wanted):
        command = f"{wanted.shell} {MOUNT}/{folder}/text"
    else:
        command = f"{wanted.shell} -c {shlex.quote(wanted.text)}"
    cwd = shlex.quote(wanted.cwd)
    lines = [
        # A shell has no word for the number of a process that it forked. Its folder below /proc tells it.
        'cd -P /proc/self 2>/dev/null && echo "$stillroom_order ${PWD##*/}" >&4 ||',
        """echo "$stillroom_order $(exec /bin/sh -c 'echo $PPID')" >&4""",
        *([] if wanted.cwd.startswith("/") else ['cd -- "$3"']),
        f'cd -- {cwd} 2>/dev/null || {{ echo "nowhere $stillroom_order" >&3; exit 0; }}',
        "OLDPWD=$3",
        "exec 3>&- 4>&-",
        *exports,
        f'exec "$2" {command}',
    ]
    return "\n".join([*lines, ""])
