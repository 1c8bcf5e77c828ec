"""What is said at the end of a run that constructs tasks."""

from functools import partial

from rich.console import Group, RenderableType
from rich.text import Text

from engine.runtime.run import RunReport
from events.store.base import EventLog
from views.construction.rows import construction_rows, render
from views.runs import live
from views.runs.rows import RunRow
from views.runs.show import calls, spending, tokens
from views.runs.summary import head_of
from views.terminal.format import short
from views.terminal.screen import OutputStyle, Screen


async def carry(log: EventLog, screen: Screen, work: live.Work) -> RunReport:
    """Carry a run that constructs to its end, and show what came of each task.

    Raises:
        StillroomError: It could not be carried to its end.
    """
    return await live.carry(log, screen, work, partial(_show, log, screen), part="task")


async def _show(log: EventLog, screen: Screen, run: RunRow, report: RunReport) -> None:
    rows = await construction_rows(log, report.run)
    if screen.manner is OutputStyle.JSON:
        for row in rows:
            screen.line(row)
        return
    parts: list[RenderableType] = ["", head_of(run)]
    if run.scripted:
        parts.append(Text("scripted model: its answers are canned, everything else is real", style="cyan"))
    money = " · ".join((calls(run), tokens(run), spending(run)))
    name = short(run.run)
    why = f" · stillroom why {rows[0].task}" if rows else ""
    after = f"next: stillroom show {name} · stillroom replay {name}{why}"
    screen.out.print(Group(*parts, "", render(rows), "", Text(money), Text(after, style="dim")))
