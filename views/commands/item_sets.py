"""Commands that show sets of items, and the decisions that rested on them."""

from typing import Final

from cyclopts import App

from views.commands.rows import Rows
from views.evaluations import item_sets
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "sets list": (item_sets.ItemSetRow,),
    "sets show": (item_sets.ItemSetDetailRow,),
}

app: Final = App(name="sets", help="List sets of items, what each is for, and how many decisions rested on it.")


@app.command(name="list")
async def list_sets(*, options: Options = ASIS, machine: Given) -> None:
    """List the sets of items that runs opened: what each is for, and how many decisions rested on it."""
    async with options.desk(machine) as desk:
        await item_sets.tell(desk)


@app.command(name="show")
async def show(name: str, /, *, options: Options = ASIS, machine: Given) -> None:
    """Show which runs opened a set, and every decision that rested on any of its items.

    Args:
        name: Name of the set, or a unique prefix of its digest.
    """
    async with options.desk(machine) as desk:
        await item_sets.tell_one(desk, name)
