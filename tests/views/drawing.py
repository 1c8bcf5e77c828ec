"""Drawing for tests: what a person would see at a given width."""

import io

from rich.console import Console, RenderableType

from engine.core.fold import fold_many
from engine.runtime.leases import LeaseHolder
from events.store.base import EventLog
from projections.cost import Cost
from projections.trials.view import Trials
from views.runs.rows import RunRow, RunsView, run_row


def drawn(what: RenderableType, *, width: int = 80) -> str:
    """Draw without colours."""
    console = Console(file=io.StringIO(), width=width, color_system=None, _environ={})
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def seen(log: EventLog, *owned: str) -> RunsView:
    """Fold what a log holds."""
    trials, cost = await fold_many(log, [Trials(), Cost()])
    return RunsView(trials, cost, dict.fromkeys(owned, LeaseHolder("here:1:1", 2.0)))


def run_rows(found: RunsView) -> list[RunRow]:
    """Put each run on a row, folded from its first event."""
    return [run_row(found, run) for run in found.trials.runs.values()]
