"""Running a run's actors over their history with every port closed: no call, no sandbox, nothing written.

The second phase of a resume, and what a rerun is.
"""

from contextlib import nullcontext

from engine.actors.run import RunPlan, run
from engine.errors import HistoryEnded, HistoryUnread
from engine.histories import RUN, Histories
from engine.lineage import APART
from engine.scope import Scope
from engine.world import Keeper, Recall, World
from events.log import EventLog


async def rehearse(
    log: EventLog, run_id: str, plan: RunPlan, histories: Histories, keeper: Keeper | None = None
) -> HistoryEnded | None:
    """Run the actors until their history ends.

    Args:
        log: Which holds it.
        run_id: The run's id.
        plan: What it is made of.
        histories: What it has recorded.
        keeper: Holds each trial's while its actors run, one trial after the other. None: all of it is read.

    Returns:
        None if the run is complete; else where its history ends first.

    Raises:
        ReplayDiverged: An actor decided otherwise than recorded.
        HistoryUnread: Recorded events are left over.
    """
    world = World(
        log=log,
        blobs=Recall(log),
        run=run_id,
        histories=histories.by_stream,
        sessions=histories.sessions,
        ports=None,
        fence=None,
        lineage=histories.lineage,
        visited=set(),
        keeper=keeper,
    )
    scope = Scope(world, RUN)
    frontier: HistoryEnded | None = None
    try:
        await run(scope, plan)
        scope.finish()
    except HistoryEnded as ended:
        frontier = ended
    unvisited = histories.by_stream.keys() - world.visited - APART
    for name in sorted(unvisited):
        async with nullcontext() if keeper is None else keeper.hold(name):
            raise HistoryUnread(name, read=0, recorded=len(histories.by_stream[name]))
    return frontier
