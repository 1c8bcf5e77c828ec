"""Rerun: the real actors over a recorded run, with no live ports; every stream must come out byte for byte."""

from typing import NamedTuple

from engine.core.decision import Method, Reruled, Unanswered
from engine.core.trial_histories import load_by_trial
from engine.runtime.plan import recorded_plan
from engine.runtime.rehearse import rehearse
from events.store.base import EventLog
from replay.errors import NotRerunnable


class RerunReport(NamedTuple):
    """What a rerun showed. A difference is raised, never reported as success."""

    run: str
    streams: int
    events: int
    """Events that came out as recorded."""
    complete: bool
    """False: the run was cut off, and everything up to there came out as recorded."""
    ends_at: str
    """Where a run that was cut off would go on; empty if it is complete."""
    notes: tuple[Reruled | Unanswered, ...]
    """Rulings that this version makes otherwise at a point that was revised, or cannot make again."""


async def rerun(log: EventLog, run: str, *, method: Method | None = None) -> RerunReport:
    """Run a past run again from its record alone: no model call, no sandbox, no task folder, nothing written.

    Args:
        log: Which holds it.
        run: Its id.
        method: Whose policies decide. None: those of the method that the run names.

    Raises:
        RunUnknown: There is no such run.
        ReplayDiverged: An actor decided otherwise than recorded; names stream, version, field and both values.
        HistoryUnread: The record goes on where the actors ended.
        HistoryEnded: An actor went on where the record of a run that is complete ends.
        NotRerunnable: The run was imported; no actor of ours made it.
    """
    histories, trials = await load_by_trial(log, run)
    opened = histories.opened
    if opened is None:
        raise NotRerunnable(run)
    plan = await recorded_plan(log, opened, histories.lineage)
    if method is not None:
        plan = plan.under(method)
    ended, deciding = await rehearse(log, run, plan, histories, keeper=trials)
    if ended is not None and histories.closed:
        raise ended
    return RerunReport(run, len(trials), trials.events, ended is None, str(ended or ""), tuple(deciding.notes))
