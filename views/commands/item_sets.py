"""Commands that cut and check sets of items, list them, and show the decisions that rested on them."""

from pathlib import Path
from typing import Final

from anyio import to_thread
from cyclopts import App

from engine.items.splits import read_split
from events.errors import ExitCode
from views.commands.rows import Rows
from views.evaluations import item_sets, set_check, set_split
from views.terminal.options import AS_TABLES, ASIS, Given, Options, Seed, TableOptions

ROWS: Final[Rows] = {
    "sets check": (set_check.SetCheckRow,),
    "sets split": (set_split.SetSplitRow,),
    "sets list": (item_sets.ItemSetRow,),
    "sets show": (item_sets.ItemSetDetailRow,),
}

app: Final = App(
    name="sets", help="Cut and check sets of items, list what each is for, and how many decisions rested on it."
)


@app.command(name="list")
async def list_sets(*, options: TableOptions = AS_TABLES, machine: Given) -> None:
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


@app.command(name="check")
async def check_set(
    folder: Path,
    /,
    *,
    item_format: str = "question",
    split: str | None = None,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Load each item of a set, and score it with its expected answer and with nothing done. No model is asked.

    The exit code is 3 if an expected answer is not right: then the item, or its scorer, is wrong.

    Args:
        folder: Folder of the set, with a file or a folder for each split, or with the rows themselves.
        item_format: Format of the set; docs/items.md lists them.
        split: Which part: train, val, test or all. Without it, every part that there is.
    """
    part = None if split is None else read_split(split)
    rows = await to_thread.run_sync(set_check.set_checks, machine.folder / folder, item_format, part)
    options.screen(machine).show(rows, set_check.SET_CHECKS)
    return ExitCode.NEGATIVE if any(row.wrong for row in rows) else ExitCode.DONE


@app.command(name="split")
async def split_set(
    file: Path, /, *, ratio: str = "2:1:7", seed: Seed = 42, options: Options = ASIS, machine: Given
) -> None:
    """Cut one file of rows into train, val and test beside it, as SkillOpt cuts them. Nothing is overwritten.

    Args:
        file: A JSON array of rows, or one row a line (.jsonl).
        ratio: Weights of train, val and test, as whole numbers.
        seed: Of the order in which the rows are dealt out.
    """
    rows = await set_split.split_file(machine.folder / file, ratio, seed)
    options.screen(machine).show(rows, set_split.SET_SPLITS)
