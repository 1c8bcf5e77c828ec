"""Commands that ask why something is as it is, and why something is not."""

from typing import Final

from events.errors import ExitCode
from views import why as chain
from views import why_rows as rows
from views.commands.rows import Rows
from views.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "why": (rows.NodeRow, rows.CheckedRow),
}


async def why(target: str, /, *, depth: int | None = None, options: Options = ASIS, machine: Given) -> ExitCode:
    """Tell the chain of causes of a decision, down to bytes: each is fetched and hashed again.

    Decisions on it are made again from what they saw; one that comes out otherwise gives the exit code 4. Bytes that
    are missing are named, with the exit code 5.

    Args:
        target: A skill as NAME, NAME@2 or RUN:NAME; an attempt as TRIAL/2; an event by its position or as
            RUN:STREAM@3; a run or a trial, for its last event.
        depth: Steps that are shown. Default: 3 for people, all with --json. All are read.
    """
    async with options.desk(machine) as desk:
        return await chain.tell(desk, target, chain.Ask(depth))
