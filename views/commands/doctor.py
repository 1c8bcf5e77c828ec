"""The command that checks what this machine offers."""

from typing import Final

from events.errors import ExitCode
from views.commands.rows import Rows
from views.replay import crashes
from views.setup import doctor
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {"doctor": (doctor.DoctorCheck, crashes.CrashRow)}


async def look_around(
    *, crash_test: bool = False, sandbox: str = "local", options: Options = ASIS, machine: Given
) -> ExitCode:
    """Check what this machine offers: isolation, container engines, disk space, keys by name, SQLite.

    Args:
        crash_test: Instead, kill a small run at several points, resume it, and compare; takes half a minute.
        sandbox: Sandbox backend of the crash test.
    """
    if crash_test:
        return await crashes.tell(options.screen(machine), options.means(machine), machine.workspace, sandbox)
    options.screen(machine).show(await doctor.checks(machine, machine.sqlite), doctor.CHECKS)
    return ExitCode.DONE
