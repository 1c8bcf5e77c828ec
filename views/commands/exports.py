"""Commands that export runs to other formats."""

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
    """Export attempts as ATIF 1.7, Harbor's trajectory format, and report what the format cannot represent.

    Args:
        target: RUN, RUN:TRIAL or RUN:TRIAL/2; TRIAL or TRIAL/2 of the latest run.
        to: Output folder; each attempt becomes a file TRIAL/attempt-N.json.
    """
    async with options.desk(machine) as desk:
        rows = await export_atif.write(desk, target, machine.folder / to)
        desk.screen.show(rows, export_atif.ATTEMPTS)


async def to_harbor(
    target: str = LATEST, /, *, to: Path = Path("jobs"), options: Options = ASIS, machine: Given
) -> None:
    """Export a run as a Harbor job folder, one trial per attempt, and report what the format cannot represent.

    `harbor view` displays it. Data missing from the log is null. Never overwrites an existing folder.

    Args:
        target: Run id.
        to: Parent folder; the job folder is created in it, named after the run.
    """
    async with options.desk(machine) as desk:
        rows = await export_harbor.write(desk, target, machine.folder / to)
        desk.screen.show(rows, export_harbor.render)


app: Final = App(name="export", help="Export runs to other formats.")
app.command(to_atif, name="atif")
app.command(to_harbor, name="harbor")
