"""Commands that list and show runs."""

from typing import Final

from views.commands.rows import Rows
from views.construction.rows import tell_constructions
from views.evolution.arm_rows import EvolvedArmRow
from views.evolution.pair_rows import EvolvedPairRow
from views.evolution.report import LibraryRow
from views.evolution.shown import tell_evolution
from views.log import contents
from views.runs import item_rows, rows, run_list, run_tree, show, train_rows
from views.runs import prompts as sent
from views.runs.placebo_rows import PlaceboRow
from views.terminal.ids import LATEST
from views.terminal.options import AS_TABLES, Given, TableOptions

ROWS: Final[Rows] = {
    "runs": (rows.RunRow,),
    "show": (
        rows.RunRow,
        train_rows.TrainingRow,
        train_rows.TrainStepRow,
        PlaceboRow,
        item_rows.EvaluatedItemRow,
        rows.TrialRow,
        EvolvedArmRow,
        EvolvedPairRow,
        LibraryRow,
        rows.AttemptRow,
        show.AttemptStepRow,
        contents.EventRow,
        show.BlobRow,
        sent.SentRow,
    ),
}


async def list_runs(*, options: TableOptions = AS_TABLES, machine: Given) -> None:
    """List the runs of a log, oldest first."""
    async with options.desk(machine) as desk:
        desk.screen.show(await run_list.list_rows(desk), run_tree.render_runs, run_tree.RUNS)


async def show_it(
    target: str = LATEST,
    /,
    *,
    full: bool = False,
    prompts: bool = False,
    options: TableOptions = AS_TABLES,
    machine: Given,
) -> None:
    """Show a run, a trial, an attempt, an event or a blob.

    Args:
        target: RUN, RUN:TRIAL, RUN:TRIAL/2; TRIAL or TRIAL/2 of the latest run; the position of an event,
            RUN:STREAM@3, or blob:DIGEST; item/CELL is an item, or the latest attempt of an agent at it. RUN is an id,
            which may be shortened, or a name; @latest and RUN~2 work everywhere.
        full: Do not shorten texts.
        prompts: Show what models were sent instead, word for word: of TRIAL/2 in that attempt, of item/CELL at that
            item, of TRIAL for its memos and its skill. Each message is shown at the first call that has it.
    """
    async with options.desk(machine) as desk:
        if prompts:
            await sent.tell(desk, target)
            return
        await show.tell(desk, target, full=full, telling=[tell_evolution, tell_constructions])
