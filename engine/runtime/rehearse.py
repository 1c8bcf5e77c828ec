"""Running a run's actors over their history with every port closed: no call, no sandbox, nothing written.

The second phase of a resume, and what a rerun is.
"""

from contextlib import nullcontext
from typing import NamedTuple

from engine.config.program import RunPlan
from engine.core.decision import Deciding
from engine.core.errors import HistoryEnded, HistoryUnread
from engine.core.history import RunHistory
from engine.core.lineage import APART
from engine.core.scope import Scope
from engine.core.world import HistoryReader, ReadOnlyBlobs, ReplayContext, StreamIndex
from engine.programs.run import run
from events.store.base import EventLog
from events.streams import RUN


class Rehearsed(NamedTuple):
    """How a run's actors came through their history."""

    frontier: HistoryEnded | None
    """Where its history ends first. None: the run is complete."""
    deciding: Deciding
    """With what this version would rule otherwise, where the revision of a point has changed."""


async def rehearse(
    log: EventLog,
    run_id: str,
    plan: RunPlan,
    histories: RunHistory,
    *,
    deciding: Deciding | None = None,
    keeper: HistoryReader | None = None,
) -> Rehearsed:
    """Run the actors until their history ends.

    Args:
        log: Which holds it.
        run_id: The run's id.
        plan: What it is made of.
        histories: What it has recorded.
        deciding: Who observes its decisions. None: nobody does.
        keeper: Holds each trial's while its actors run, one trial after the other. None: all of it is read.

    Raises:
        ReplayDiverged: An actor decided otherwise than recorded.
        HistoryUnread: Recorded events are left over.
    """
    deciding = deciding or plan.deciding()
    world = ReplayContext(
        log=log,
        blobs=ReadOnlyBlobs(log),
        run=run_id,
        histories=histories.by_stream,
        sessions=histories.sessions,
        ports=None,
        fence=None,
        lineage=histories.lineage,
        visited=set(),
        names=StreamIndex(histories.by_stream),
        keeper=keeper,
        deciding=deciding,
    )
    scope = Scope(world, RUN)
    frontier: HistoryEnded | None = None
    try:
        await run(scope, plan)
        await scope.finish()
    except HistoryEnded as ended:
        frontier = ended
    unvisited = histories.by_stream.keys() - world.visited - APART
    for name in sorted(unvisited):
        async with nullcontext() if keeper is None else keeper.hold(name):
            raise HistoryUnread(name, read=0, recorded=len(histories.by_stream[name]))
    return Rehearsed(frontier, deciding)
