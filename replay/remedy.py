"""What can be done about a run whose control flow is not the recorded one any more."""

from itertools import pairwise

from engine.core.decision import Method
from engine.core.errors import HistoryEnded, HistoryUnread, ReplayDiverged
from engine.core.history import RunHistory, cut
from engine.runtime.plan import plan_of, recorded_conditions, recorded_prompts, recorded_specs
from engine.runtime.rehearse import rehearse
from events.store.base import EventLog
from events.types.decision import Decided
from events.types.run import RunOpened

Parted = ReplayDiverged | HistoryUnread | HistoryEnded


async def remedies(
    log: EventLog, run: str, histories: RunHistory, parted: Parted, *, package: str, method: Method | None = None
) -> list[str]:
    """Say which version replays a run, and from where this one can go on with it.

    Args:
        log: Which holds it.
        run: Its id.
        histories: All it recorded.
        parted: Where a rerun parted from the record.
        package: This version.
        method: Whose policies decided. None: those of the method that the run names.
    """
    opened = histories.opened
    if opened is None:
        return []
    found = []
    if opened.package != package:
        found.append(f"stillroom {opened.package} recorded the run and can replay it")
    place = await last_fork_place(log, run, histories, parted, method)
    if place is None:
        found.append("no fork position remains: it differs from its first events on")
    else:
        found.append(f"it can be forked up to position {place:,}: `stillroom fork {run} --at {place}`")
    return found


async def last_fork_place(
    log: EventLog, run: str, histories: RunHistory, parted: Parted, method: Method | None = None
) -> int | None:
    """Find the last position at which a fork shares nothing that reruns otherwise. None: there is none."""
    opened = histories.opened
    assert opened is not None
    place = _before(histories, _position(parted, histories))
    while place is not None:
        try:
            await _rehearse(log, opened, cut(histories, run, place), method)
        except (ReplayDiverged, HistoryUnread) as error:
            place = _before(histories, min(place, _position(error, histories)))
        else:
            return place
    return None


async def _rehearse(log: EventLog, opened: RunOpened, shared: RunHistory, method: Method | None) -> None:
    specs = await recorded_specs(log, opened, shared.lineage)
    conditions = await recorded_conditions(log, opened, shared.lineage)
    prompts = await recorded_prompts(log, opened)
    plan = plan_of(opened, (*specs, specs[-1]), prompts, (*conditions, *conditions[-1:]))
    await rehearse(log, shared.lineage[-1].run, plan if method is None else plan.under(method), shared)


def _position(parted: Parted, histories: RunHistory) -> int:
    """Give the position of the first event that is not as it was; the one behind the last where one is missing."""
    history = histories.by_stream[parted.stream]
    match parted:
        case ReplayDiverged():
            return history[parted.version - 1].position
        case HistoryUnread():
            return history[parted.read].position
        case HistoryEnded():
            return history[-1].position + 1


def _before(histories: RunHistory, position: int) -> int | None:
    """Give the last position before another at which a run can be cut: within an append only before a decision."""
    known = {each.position for history in histories.by_stream.values() for each in history}
    together: set[int] = set()
    for history in histories.by_stream.values():
        for each, following in pairwise(history):
            appended = (following.position, following.at) == (each.position + 1, each.at)
            if appended and not isinstance(following.event, Decided):
                together.add(each.position)
    first = histories.by_stream["run"][0].position
    return max((each for each in known if first <= each < position and each not in together), default=None)
