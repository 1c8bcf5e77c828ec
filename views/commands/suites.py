"""Commands about suites: what they hold, and what is wrong with them."""

from pathlib import Path
from typing import Final

from anyio import to_thread
from cyclopts import App

from events.errors import ExitCode
from views.commands.rows import Rows
from views.suites import check, show
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "suite check": (check.SuiteRow, check.SuiteFindingRow),
    "suite show": (show.SuiteTaskRow,),
}

app: Final = App(name="suite", help="Check suites of environments, families and roles, and list their tasks.")


@app.command(name="check")
async def check_suite(folder: Path, /, *, options: Options = ASIS, machine: Given) -> ExitCode:
    """Look a suite through without running it: its files, its tests, answers in the agent's reach, curated skills.

    The exit code is 3 if it cannot be read, or if its numbers would mean something else.

    Args:
        folder: Holds tasks/ and skills/, or benchmark/ with both, as a copy of SkillEvolBench does.
    """
    rows = await to_thread.run_sync(check.suite_rows, machine.folder / folder)
    options.screen(machine).show(rows, check.render)
    wrong = any(isinstance(row, check.SuiteFindingRow) and row.weight == "error" for row in rows)
    return ExitCode.NEGATIVE if wrong else ExitCode.DONE


@app.command(name="show")
async def show_suite(folder: Path, /, *, options: Options = ASIS, machine: Given) -> None:
    """List the tasks of a suite: environment, family, role, and what a composition needs.

    Args:
        folder: Holds tasks/ and skills/, or benchmark/ with both.
    """
    rows = await to_thread.run_sync(show.suite_task_rows, machine.folder / folder)
    options.screen(machine).show(rows, show.SUITE_TASKS)
