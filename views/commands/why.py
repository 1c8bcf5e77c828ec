"""Commands that ask why something is as it is, and why something is not."""

from pathlib import Path
from typing import Final

from events.errors import ExitCode
from views.commands.rows import Rows
from views.terminal.options import ASIS, Given, Options
from views.why import blame as blame_view
from views.why import chain, rows
from views.why import why_not as why_not_view

ROWS: Final[Rows] = {
    "why": (rows.NodeRow, rows.CheckedRow),
    "why-not": (why_not_view.ObstacleRow, rows.CheckedRow),
    "blame": (blame_view.SectionRow, blame_view.ShownRow),
}


async def why(
    target: str, /, *, depth: int | None = None, html: Path | None = None, options: Options = ASIS, machine: Given
) -> ExitCode:
    """Show the chain of causes of a decision, down to bytes; each is fetched and hashed again.

    Decisions on it are made again from what they saw; one that comes out otherwise gives the exit code 4. Bytes that
    are missing are named, with the exit code 5.

    Args:
        target: A skill as NAME, NAME@2 or RUN:NAME; an attempt as TRIAL/2; an event by its position or as
            RUN:STREAM@3; a run or a trial, for its last event.
        depth: Steps that are shown. Default: 3 for people, all with --json and on a page. All are read.
        html: Write the chain into this file too, as a page that needs nothing else.
    """
    async with options.desk(machine) as desk:
        return await chain.tell(desk, target, chain.Ask(depth, None if html is None else machine.folder / html))


async def why_not(target: str, /, *, options: Options = ASIS, machine: Given) -> ExitCode:
    """Show why an attempt was never judged solved, or why a trial has no accepted skill.

    The decision it came to is made again, as `why` does, with the same exit codes.

    Args:
        target: TRIAL/2 for an attempt; TRIAL, or the name its skill would have; RUN: may stand before.
    """
    async with options.desk(machine) as desk:
        return await why_not_view.tell(desk, target)


async def blame(skill: str, /, *, options: Options = ASIS, machine: Given) -> None:
    """Show which evidence each section of a skill rests on, and which attempts saw its text.

    Args:
        skill: NAME, NAME@2 or RUN:NAME.
    """
    async with options.desk(machine) as desk:
        await blame_view.tell(desk, skill)
