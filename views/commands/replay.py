"""Commands that take a past run up again, from the log alone."""

from typing import Final

from views import replays
from views.commands.rows import Rows
from views.ids import LATEST, find_run
from views.options import ASIS, Given, Options

ROWS: Final[Rows] = {"replay": (replays.RerunRow, replays.RebuildRow)}


async def replay(run: str = LATEST, /, *, rebuild: bool = False, options: Options = ASIS, machine: Given) -> None:
    """Run a past run again from the log alone, and fold its views again: no model, no sandbox, nothing written.

    Args:
        run: Its id.
        rebuild: Only fold its views; for imported runs, which have no actors to run again.
    """
    async with options.desk(machine) as desk:
        await replays.tell(desk, await find_run(desk.log, run), rebuild=rebuild)
