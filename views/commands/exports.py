"""Commands that write runs in the formats of others."""

from pathlib import Path
from typing import Final

from cyclopts import App

from views.commands.rows import Rows
from views.log import export_atif, export_harbor
from views.terminal.ids import LATEST
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "export atif": (export_atif.AtifRow,),
    "export harbor": (export_harbor.HarborTrialRow, export_harbor.HarborJobRow),
}


async def to_atif(target: str = LATEST, /, *, to: Path = Path("atif"), options: Options = ASIS, machine: Given) -> None:
    """Write attempts as ATIF 1.7, Harbor's format of trajectories, and say what has no place in it.

    Args:
        target: RUN, RUN:TRIAL or RUN:TRIAL/2; TRIAL or TRIAL/2 of the latest run.
        to: Folder for the files, one for each attempt: TRIAL/attempt-N.json.
    """
    async with options.desk(machine) as desk:
        rows = await export_atif.write(desk, target, machine.folder / to)
        desk.screen.show(rows, export_atif.render)


async def to_harbor(
    target: str = LATEST, /, *, to: Path = Path("jobs"), options: Options = ASIS, machine: Given
) -> None:
    """Write a run as a job folder of Harbor's, one trial for each attempt, and say what has no place in it.

    `harbor view` shows it. What the log does not hold is null there. A folder that is there already is left alone.

    Args:
        target: The run.
        to: Folder of jobs; the job's own folder is made in it, named after the run.
    """
    async with options.desk(machine) as desk:
        rows = await export_harbor.write(desk, target, machine.folder / to)
        desk.screen.show(rows, export_harbor.render)


app: Final = App(name="export", help="Export runs to other formats.")
app.command(to_atif, name="atif")
app.command(to_harbor, name="harbor")
