"""A life that ends by SIGKILL at a place: ``python -m tests.support.killed FILE SIDE WHAT TAG NTH``.

FILE says how it goes, as for `replay.crash.child`; the rest is the moment, and which of those that look the same.
"""

import sys
from functools import partial
from pathlib import Path
from subprocess import run
from typing import NamedTuple

import anyio
import msgspec
from typing_extensions import override

from engine.core.system import clock
from engine.runtime.environment import ProcessEnvironment
from engine.runtime.open_context import open_setting
from engine.runtime.run import resume_run, start_run
from engine.testing.fault_injection import CrashingLog, CrashingPorts, CrashPoint, CrashSchedule
from replay.crash.child import Life, killed


class Death(NamedTuple):
    """Where to die."""

    side: str
    what: str
    tag: str
    nth: int
    """From 1."""


class Doomed(CrashSchedule):
    """Ends a life at a place, and not at a number."""

    def __init__(self, death: Death) -> None:
        super().__init__(None)
        self._death = death
        self._seen = 0

    @override
    def meet(self, moment: CrashPoint) -> None:
        """Live through a moment, or die in it."""
        self._seen += (moment.side, moment.what, moment.tag) == self._death[:3]
        if self._seen == self._death.nth:
            killed(moment)


async def live(life: Life, death: Death) -> None:
    """Start a run, or go on with the one there is, and be killed."""
    fate = Doomed(death)
    async with open_setting(means_of(life), life.spec, warn=lambda _: None) as setting:
        mortal = setting._replace(log=CrashingLog(setting.log, fate), between=partial(CrashingPorts, fate=fate))
        runs = await setting.log.runs()
        await (resume_run(mortal, runs[0]) if runs else start_run(mortal, life.spec))


def means_of(life: Life) -> ProcessEnvironment:
    """Say with what a life is lived."""
    log = Path(life.log)
    return ProcessEnvironment(life.environment, log.parent, log, Path(life.sandboxes), clock, life.package)


def die(life: Life, death: Death, file: Path) -> int:
    """Let a process live until it is killed; give its exit code."""
    file.write_bytes(msgspec.json.encode(life))
    words = [str(file), death.side, death.what, death.tag, str(death.nth)]
    done = run([sys.executable, "-m", "tests.support.killed", *words], check=False, capture_output=True)
    return done.returncode


if __name__ == "__main__":
    file, side, action, tag, number = sys.argv[1:]
    anyio.run(live, msgspec.json.decode(Path(file).read_bytes(), type=Life), Death(side, action, tag, int(number)))
