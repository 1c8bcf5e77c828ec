"""Commands about the edits of a training run."""

from typing import Annotated, Final

from cyclopts import App, Parameter

from views.commands.rows import Rows
from views.runs.placebo_rows import PLACEBOS, PlaceboRow, placebo_rows
from views.terminal.errors import UsageWrong
from views.terminal.ids import LATEST
from views.terminal.options import AS_TABLES, ASIS, Given, Options, TableOptions
from views.terminal.table_formats import TableFormat, print_table
from views.training import edit_page, edits, gate_rows, item_changes, skill_diff
from views.training.trained_log import read_training

ROWS: Final[Rows] = {
    "edits list": (edits.EditRow, PlaceboRow),
    "edits show": (
        edits.EditRow,
        edit_page.EvidenceRow,
        gate_rows.GateRulingRow,
        item_changes.ItemChangeRow,
        skill_diff.FileDiffRow,
    ),
}


async def list_edits(
    run: str = LATEST,
    /,
    *,
    outcome: Annotated[str | None, Parameter(name="--outcome")] = None,
    form: Annotated[TableFormat | None, Parameter(name="--format")] = None,
    options: TableOptions = AS_TABLES,
    machine: Given,
) -> None:
    """List the edits of a training run: what each says, where it is from, what became of it, and why.

    Args:
        run: Run id.
        outcome: List only edits that are accepted, rejected, undecided, open, refused, "not selected" or failed.
        form: Write the table as markdown, latex (needs the package booktabs) or csv (all fields, figures as they are).
    """
    if outcome is not None and outcome not in edits.STANDINGS:
        raise UsageWrong(f"no edit ends as {outcome!r}", remedy=f"name one of {', '.join(edits.STANDINGS)}")
    async with options.desk(machine) as desk:
        trained = (await read_training(desk.log, run)).run
        found = edits.edit_rows(trained)
        print_table(desk.screen, [row for row in found if outcome in {None, row.standing}], edits.EDITS, form)
        if trained.placebos and form is None:
            desk.screen.show(await placebo_rows(desk.log, trained), PLACEBOS)


async def show_edit(run: str, edit: str | None = None, /, *, options: Options = ASIS, machine: Given) -> None:
    """Show an edit: who proposed it from what, what gates and shadow gates said, which items it moved, and its diff.

    Args:
        run: Run id. Leave it out for the latest run.
        edit: Name as `edits list` has it, such as s3.1: step 3, first edit. s3 is all of a candidate, and e2.slow
            that of the end of epoch 2.
    """
    async with options.desk(machine) as desk:
        await (edit_page.tell(desk, LATEST, run) if edit is None else edit_page.tell(desk, run, edit))


app: Final = App(name="edits", help="List and explain the edits of a training run.")
app.command(list_edits, name="list")
app.command(show_edit, name="show")
