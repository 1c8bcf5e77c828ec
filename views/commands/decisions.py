"""The command that lists decisions."""

from typing import Annotated, Final

from cyclopts import Parameter

from views.commands.rows import Rows
from views.terminal.ids import LATEST, find_run
from views.terminal.options import AS_TABLES, Given, TableOptions
from views.why import decisions

ROWS: Final[Rows] = {"decisions": (decisions.DecisionRow,)}


async def list_decisions(
    run: str = LATEST,
    *,
    point: Annotated[str | None, Parameter(name="--point")] = None,
    options: TableOptions = AS_TABLES,
    machine: Given,
) -> None:
    """List the decisions of a run, each with its inputs, rule, ruling and position.

    Inputs are shown by digest; `stillroom show DIGEST` prints them, and ``--json`` contains them in full.

    Args:
        run: Run id.
        point: List only decisions at this decision point, such as stopping or pdi.
    """
    async with options.desk(machine) as desk:
        await decisions.tell(desk, await find_run(desk.log, run), point)
