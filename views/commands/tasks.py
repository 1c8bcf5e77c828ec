"""Commands about datasets of tasks."""

from pathlib import Path
from typing import Final

from cyclopts import App

from engine.runtime.open_context import cache_of, open_backend
from events.errors import ExitCode
from sandbox.harbor.dataset import DatasetPaths
from views.commands.rows import Rows
from views.setup import proofs, tasks
from views.terminal.host import Host
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "tasks check": (tasks.TaskRow,),
    "tasks run": (tasks.ProofRow,),
    "tasks prove": (proofs.TaskProofRow,),
}


async def check_tasks(folder: Path, /, *, sandbox: str = "local", options: Options = ASIS, machine: Given) -> ExitCode:
    """Check tasks without running them: report warnings and features that the sandbox does not support.

    Args:
        folder: A Harbor task folder, a folder of them, or ``registry.json#NAME@VERSION``.
        sandbox: Sandbox backend to check against.
    """
    async with open_backend(options.means(machine), sandbox) as backend:
        rows = await tasks.look(str(folder), places(machine), backend)
    options.screen(machine).show(rows, tasks.render)
    return ExitCode.DONE if all(row.state in {"ok", "odd", "other"} for row in rows) else ExitCode.NEGATIVE


def places(machine: Host) -> DatasetPaths:
    """Say where datasets of tasks are looked for."""
    return DatasetPaths(machine.folder, cache_of(machine.environment))


app: Final = App(name="tasks", help="Check and run datasets of tasks.")
app.command(check_tasks, name="check")
# Imported when it is typed: it starts a run, which needs an HTTP client.
app.command("views.commands.task_proof:run_tasks", name="run")
app.command("views.commands.proving:prove_tasks", name="prove")
