"""Which suite a run went over, as its log has it."""

from collections.abc import Sequence

from engine.suites.errors import SuitesDiffer, told
from events.store.base import EventLog, Selection
from events.streams import RUN
from events.types.suite import SuiteRead
from views.terminal.format import short


async def suite_of_run(log: EventLog, run: str) -> SuiteRead | None:
    """Give what a run read of its suite. None: it goes over none, or has not read it so far."""
    found: SuiteRead | None = None
    async for each in log.read(Selection(run=run, streams=(RUN,), tags=("suite.read",))):
        if isinstance(each.event, SuiteRead):
            found = each.event
    return found


async def require_one_suite(log: EventLog, runs: Sequence[str]) -> None:
    """Refuse to put runs together that went over different suites, or over two releases of one.

    A run over no suite is like any other set of tasks: its items are compared by what they hold.

    Raises:
        SuitesDiffer: They did.
    """
    found = [(run, await suite_of_run(log, run)) for run in dict.fromkeys(runs)]
    suites = [(run, suite) for run, suite in found if suite is not None]
    if len({suite.digest for _, suite in suites}) > 1:
        names = [f"{short(run)} over {told(suite.name, suite.release, suite.digest)}" for run, suite in suites]
        raise SuitesDiffer("the runs", names)
