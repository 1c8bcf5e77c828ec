"""What `show` and `compare` print of a run over a suite."""

from rich.console import Group

from projections.evolution.pairs import ArmsUnknown
from views.evolution.arm_rows import ARMS, MEASURES, arm_rows
from views.evolution.evolved_log import EvolvedLog, evolution_of_run
from views.evolution.pair_rows import PAIRS, pair_rows, task_rows, task_table
from views.evolution.report import LIBRARIES, library_rows
from views.terminal.log_access import OpenedLog
from views.terminal.screen import Screen
from views.terminal.table_formats import TableFormat, print_table


async def tell_evolution(desk: OpenedLog, run: str) -> bool:
    """Show a run if it evolves libraries; say whether it does."""
    evolved = await evolution_of_run(desk.log, run)
    if evolved is None:
        return False
    desk.screen.show(arm_rows(evolved), lambda rows: Group(ARMS(rows), "", MEASURES(rows), ""))
    if pairs := pair_rows(evolved):
        desk.screen.show(pairs, lambda rows: Group(PAIRS(rows), ""))
    desk.screen.show(library_rows(evolved), LIBRARIES)
    return True


def tell_comparison(
    screen: Screen, evolved: EvolvedLog, *, tasks: bool, form: TableFormat | None, baseline: str | None = None
) -> None:
    """Compare the arms of a run over a suite: pairs of held-out tasks, or every task under every arm.

    Raises:
        ArmsUnknown: It has one arm alone, or none of the name of the baseline.
    """
    if tasks:
        rows = task_rows(evolved)
        print_table(screen, rows, task_table(rows), form)
        return
    pairs = pair_rows(evolved, baseline=baseline)
    if not pairs:
        raise ArmsUnknown("the run has one arm alone", remedy="name two arms or more in evolve.arms")
    print_table(screen, pairs, PAIRS, form)
