"""The command that shows a projection."""

from typing import Final

from views.commands.rows import Rows
from views.runs import projection
from views.terminal.ids import find_run
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {"project": (projection.ProjectionRow,)}


async def show(name: str, run: str | None = None, /, *, options: Options = ASIS, machine: Given) -> None:
    """Fold a registered projection and show its state.

    An installed package registers its own under the entry point group ``stillroom.projections``.

    Args:
        name: Of the projection, such as cost.
        run: Fold this run alone. Without it the whole log.
    """
    async with options.desk(machine) as desk:
        await projection.tell(desk, name, None if run is None else await find_run(desk.log, run))
