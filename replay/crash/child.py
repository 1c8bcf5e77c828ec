"""One life of a crash test: ``python -m replay.crash.child FILE``. The file says how it goes, and when it ends.

A process of its own, because it ends by SIGKILL, as at a power cut: no `finally`, no flush, nothing let go of.
"""

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import NoReturn

import anyio
import msgspec

from engine.config.spec import RunSpec
from engine.core.errors import NothingToResume
from engine.core.history import load_histories
from engine.core.system import clock
from engine.runtime.context import RunContext
from engine.runtime.environment import ProcessEnvironment
from engine.runtime.open_context import open_setting
from engine.runtime.run import resume_run, start_run
from engine.testing.fault_injection import CrashingLog, CrashingPorts, CrashPoint, CrashSchedule, SimulatedCrash
from events.errors import ExitCode, StillroomError


class Life(msgspec.Struct, frozen=True):
    """What one process does."""

    spec: RunSpec
    log: str
    sandboxes: str
    package: str
    environment: dict[str, str]
    at: int | None
    """The moment of its death. None: it lives to the end of the run."""


def killed(moment: CrashPoint) -> NoReturn:
    """Die as a process dies that somebody kills."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise SimulatedCrash(moment)  # the signal has come by then


async def live(life: Life) -> list[CrashPoint]:
    """Start the run, or go on with it, until the run or this life ends. Gives the moments that passed."""
    fate = CrashSchedule(life.at, killed)
    log = Path(life.log)
    means = ProcessEnvironment(life.environment, log.parent, log, Path(life.sandboxes), clock, life.package)
    async with open_setting(means, life.spec, warn=lambda _: None) as setting:
        mortal = setting._replace(log=CrashingLog(setting.log, fate), between=partial(CrashingPorts, fate=fate))
        await _carry(mortal, life.spec)
    return fate.passed


async def _carry(setting: RunContext, spec: RunSpec) -> None:
    runs = await setting.log.runs()
    if not runs or (await load_histories(setting.log, runs[-1])).opened is None:
        await start_run(setting, spec)
        return
    try:
        await resume_run(setting, runs[-1])
    except NothingToResume:  # death came after the last event
        return


def main() -> int:
    """Read how it goes, live, and print the moments as one line of JSON."""
    life = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Life)
    try:
        moments = anyio.run(live, life)
    except StillroomError as error:
        sys.stderr.write(f"{error.problem}\n{error.remedy}\n")
        return error.exit_code
    sys.stdout.write(msgspec.json.encode(moments).decode() + "\n")
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main())
