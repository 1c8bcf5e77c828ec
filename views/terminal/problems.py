"""Error output: a problem and its remedy on stderr, never a traceback."""

import errno
import traceback
from pathlib import Path
from typing import Final

import msgspec
from rich.text import Text

from events.errors import ExitCode, StillroomError
from views.terminal.host import Host
from views.terminal.screen import OutputStyle, Screen
from views.terminal.shutdown import CODES, Name


class Problem(msgspec.Struct, frozen=True):
    """A problem, as ``--json`` prints it on stderr."""

    error: str
    """Kind of the error, such as ``RunUnknown``."""
    problem: str
    remedy: str
    exit_code: int


def problem_of(error: StillroomError) -> Problem:
    """Describe an expected error."""
    return Problem(type(error).__name__, error.problem, error.remedy, int(error.exit_code))


def with_report(problem: Problem, report: Path | None) -> Problem:
    """Name the file with the traceback in the remedy of an error of another package's code."""
    where = "the traceback could not be written" if report is None else f"the traceback is in {report}"
    return msgspec.structs.replace(problem, remedy=f"{problem.remedy}; {where}")


def usage(message: str, remedy: str) -> Problem:
    """Describe an invalid command line."""
    return Problem("Usage", message, remedy, int(ExitCode.USAGE))


def internal(error: BaseException, report: Path | None) -> Problem:
    """Describe an internal error."""
    where = f"the traceback is in {report}" if report else "the traceback could not be written"
    remedy = f"{where}; please report it. The log holds everything recorded so far"
    return Problem(type(error).__name__, f"internal error: {_short(error)}", remedy, int(ExitCode.INTERNAL))


FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Numbers of errors of the system that say that no more can be written there."""


def full(error: OSError) -> Problem:
    """Describe that there was no room for what a command prints or writes."""
    where = "" if error.filename is None else f" to {error.filename}"
    problem = f"nothing more can be written{where}: {error.strerror}"
    return Problem(
        "NoRoom", problem, "make room, or write elsewhere, and run the command again", int(ExitCode.INTERNAL)
    )


def interrupted(name: Name = "SIGINT", *, recorded: bool) -> Problem:
    """Describe that a signal stopped the command, such as Ctrl-C (SIGINT).

    Args:
        name: Of the signal.
        recorded: Whether a run was being carried, which a log holds.
    """
    kept = "; everything so far is in the log" if recorded else ""
    remedy = "`stillroom resume` continues where it stopped" if recorded else "run the command again"
    return Problem("Interrupted", f"interrupted ({name}){kept}", remedy, int(CODES[name]))


def tell(screen: Screen, problem: Problem) -> int:
    """Print a problem and return its exit code."""
    if screen.manner is OutputStyle.JSON:
        screen.trouble(problem)
    else:
        screen.say(Text.assemble(("problem  ", "bold red"), _indented(problem.problem)))
        screen.say(Text.assemble(("remedy   ", "bold"), _indented(problem.remedy)))
    return problem.exit_code


def write_report(machine: Host, error: BaseException) -> Path | None:
    """Write the traceback of an internal error beside the log. Return None if it cannot be written."""
    report = machine.workspace / f"internal-error-{machine.clock()}.txt"
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return None
    return report


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


def _indented(text: str) -> str:
    return text.replace("\n", "\n         ")
