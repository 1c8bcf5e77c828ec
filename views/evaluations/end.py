"""What is said at the end of an evaluation: where the run stands, what its arms show, what to type next."""

from rich.console import Group
from rich.text import Text

from engine.config.program_registry import EVALUATE
from engine.config.spec import RunSpec
from engine.core.fold import fold_run
from engine.runtime.run import RunReport
from events.store.base import EventLog
from projections.cost import Cost
from projections.trials.view import Trials
from views.evaluations import comparison
from views.runs import live
from views.runs.rows import RunsView, run_row, trial_rows
from views.runs.show import calls, spending, tokens
from views.terminal.format import plural, short
from views.terminal.screen import OutputStyle, Screen


async def carry(log: EventLog, screen: Screen, work: live.Work, spec: RunSpec) -> RunReport:
    """Carry a run to its end, and show it as its program's runs are shown.

    Raises:
        StillroomError: It could not be carried to its end.
    """
    if spec.program != EVALUATE:
        return await live.carry(log, screen, work)
    report = await live.watched(log, screen, work)
    trials, cost = await fold_run(log, [Trials(), Cost()], report.run)
    seen = RunsView(trials, cost, owned={})
    run = seen.trials.runs[report.run]
    row = run_row(seen, run)
    if screen.manner is OutputStyle.JSON:
        for each in (row, *trial_rows(seen, run)):
            screen.line(each)
    else:
        ended = sum(1 for outcome in report.outcomes.values() if outcome in {"solved", "unsolved"})
        done = f"{ended} of {plural(len(report.outcomes), 'cell')} scored"
        scripted = [Text("scripted model: its answers are canned, everything else is real", style="cyan")]
        sums = Text(" · ".join((done, calls(row), tokens(row), spending(row))))
        head = Text.assemble(("run ", "bold"), (row.run, "bold"), f"  {row.state}")
        screen.out.print(Group(head, *(scripted if row.scripted else []), sums, Text()))
    await comparison.tell(log, screen, report.run)
    if screen.manner is not OutputStyle.JSON:
        name = short(report.run)
        commands = f"compare {name}", "evaluations list", f"replay {name}"
        screen.out.print(Text("\nnext  " + " · ".join(f"stillroom {each}" for each in commands)))
    if report.held:
        screen.say(f"{report.held} cells have not started; `stillroom resume {report.run}` starts them")
    return report
