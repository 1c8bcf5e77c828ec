"""A run with progress: executed by the engine, watched through the log, and summarized at its end."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeAlias

import anyio

from engine.core.errors import first_of
from engine.core.fold import fold_run
from engine.runtime.run import RunReport
from engine.runtime.session import Session
from events.errors import ExitCode
from events.store.base import EventLog
from projections.cost import Cost
from projections.trials.view import Trials
from views.runs import summary
from views.runs.progress import watch
from views.runs.refusals import refusals
from views.runs.rows import PAUSED, RunRow, RunsView, failed_parts, run_row, trial_rows
from views.runs.run_list import keep_rows
from views.runs.skills import heads
from views.terminal.format import plural
from views.terminal.screen import OutputStyle, Screen

LAST_WORDS_S = 5.0
"""Seconds the watcher gets to read what the run wrote last."""


def code_of(report: RunReport) -> ExitCode:
    """Say what a run's end tells the shell."""
    if report.waiting:
        return ExitCode.WAITING
    return ExitCode.INTERRUPTED if report.held else summary.exit_code(report.outcomes)


class Work(Protocol):
    """Carries a run to its end: starts it, or goes on with it."""

    async def __call__(self, *, told: Callable[[Session], None]) -> RunReport:
        """Do it, giving this process's hold on the run as soon as there is one."""


Show: TypeAlias = Callable[[RunRow, RunReport], Awaitable[None]]
"""Shows how a run ended."""


async def carry(
    log: EventLog, screen: Screen, work: Work, show: Show | None = None, *, part: str = "trial"
) -> RunReport:
    """Carry a run and show it.

    Args:
        log: Which holds it.
        screen: Where to.
        work: Carries it.
        show: Shows the end of a run of another program, behind the rows of JSON. None: the summary of its trials.
        part: What the run is made of, for people.

    Raises:
        StillroomError: It could not be carried to its end.
    """
    report = await watched(log, screen, work)
    trials_state, cost = await fold_run(log, [Trials(), Cost()], report.run)
    seen = RunsView(trials_state, cost, owned={})
    run = seen.trials.runs[report.run]
    row, trials = run_row(seen, run), trial_rows(seen, run)
    if screen.manner is OutputStyle.JSON:
        for each in (row, *trials):
            screen.line(each)
    elif show is None:
        refused = tuple((await refusals(log, report.run)).told())
        screen.out.print(summary.render(row, trials, await heads(log, report.run), refused))
    if show is not None:
        await show(row, report)
    if failed := failed_parts(row):
        screen.warn(f"failed in the background: {failed}; no trial was affected; `stillroom show {row.run}` lists it")
    await keep_rows(log, row.events)
    _tell_rest(screen, row, report, part)
    return report


def _tell_rest(screen: Screen, row: RunRow, report: RunReport, part: str) -> None:
    """Say what a resume goes on with."""
    if row.state == "paused":
        screen.say(f"paused: {PAUSED}; `stillroom resume {report.run}` begins it again")
    elif report.waiting:
        screen.say(f"waiting for answers by files; `stillroom resume {report.run}` goes on with those that are there")
    elif report.held:
        have, them = ("has", "it") if report.held == 1 else ("have", "them")
        screen.say(f"{plural(report.held, part)} {have} not started; `stillroom resume {report.run}` starts {them}")


async def watched(log: EventLog, screen: Screen, work: Work) -> RunReport:
    """Carry a run and show how it goes on, but not how it ended.

    Raises:
        StillroomError: It could not be carried to its end.
    """
    screen.keep_going()
    after = (await log.head()).position
    over, seen = anyio.Event(), anyio.Event()
    reports: list[RunReport] = []

    async def look(session: Session) -> None:
        try:
            await watch(log, session.run, screen, after=after, over=over)
        except Exception as error:  # noqa: BLE001 - such as a terminal that is gone: the run needs nobody who looks
            session.supervisor.failed("progress", error)
            with suppress(OSError, ValueError):
                screen.warn(f"progress display stopped: {type(error).__name__}: {error}")
        finally:
            seen.set()

    try:
        async with anyio.create_task_group() as group:

            def told(session: Session) -> None:
                group.start_soon(look, session)
                if screen.shutdown is not None:
                    screen.shutdown.session = session

            reports.append(await work(told=told))
            over.set()
            with anyio.move_on_after(LAST_WORDS_S):
                await seen.wait()
            group.cancel_scope.cancel()
    except BaseExceptionGroup as errors:
        raise first_of(errors) from errors
    return reports[0]
