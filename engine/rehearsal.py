"""Running a run's actors over their history with every port closed: no call, no sandbox, nothing written.

The second phase of a resume, and what a rerun is.
"""

from engine.actors.run import RunPlan, run
from engine.errors import HistoryEnded, HistoryUnread
from engine.histories import RUN, Histories
from engine.lineage import APART
from engine.scope import Scope
from engine.world import Recall, World
from events.log import EventLog


async def rehearse(log: EventLog, run_id: str, plan: RunPlan, histories: Histories) -> HistoryEnded | None:
    """Run the actors until their history ends.

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
        raise HistoryUnread(name, read=0, recorded=len(histories.by_stream[name]))
    return frontier
