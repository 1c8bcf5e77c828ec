"""The command that shows a projection."""

from typing import Final

from views.commands.rows import Rows
from views.runs import projection
from views.terminal.ids import find_run
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {"project": (projection.ProjectionRow,)}


async def show(name: str, run: str | None = None, /, *, options: Options = ASIS, machine: Given) -> None:
    """Fold a registered projection and show its state.

    Installed packages register projections under the entry point group ``stillroom.projections``.

    Args:
        name: Projection name, such as cost.
        run: Fold only this run. Default: the whole log.
    """
    async with options.desk(machine) as desk:
        await projection.tell(desk, name, None if run is None else await find_run(desk.log, run))
