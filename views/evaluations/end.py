"""What is said at the end of an evaluation: where the run stands, what its arms show, what to type next."""

from functools import partial

from rich.console import Group
from rich.text import Text

from engine.config.program_registry import EVALUATE
from engine.config.spec import RunSpec
from engine.runtime.run import RunReport
from events.store.base import EventLog
from views.evaluations import comparison
from views.runs import live
from views.runs.rows import RunRow
from views.runs.show import calls, spending, tokens
from views.runs.summary import head_of
from views.terminal.format import plural, short
from views.terminal.screen import OutputStyle, Screen


async def carry(log: EventLog, screen: Screen, work: live.Work, spec: RunSpec) -> RunReport:
    """Carry a run to its end, and show it as its program's runs are shown.

    Raises:
        StillroomError: It could not be carried to its end.
    """
    if spec.program != EVALUATE:
        return await live.carry(log, screen, work)
    return await live.carry(log, screen, work, partial(_show, log, screen), part="cell")


async def _show(log: EventLog, screen: Screen, row: RunRow, report: RunReport) -> None:
    people = screen.manner is not OutputStyle.JSON
    if people:
        ended = sum(1 for outcome in report.outcomes.values() if outcome in {"solved", "unsolved"})
        done = f"{ended} of {plural(len(report.outcomes), 'cell')} scored"
        scripted = [Text("scripted model: its answers are canned, everything else is real", style="cyan")]
        sums = Text(" · ".join((done, calls(row), tokens(row), spending(row))))
        screen.out.print(Group(head_of(row), *(scripted if row.scripted else []), sums, Text()))
    await comparison.tell(log, screen, report.run)
    if people:
        name = short(report.run)
        commands = f"compare {name}", "evaluations list", f"replay {name}"
        screen.out.print(Text("\nnext  " + " · ".join(f"stillroom {each}" for each in commands)))
