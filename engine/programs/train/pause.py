"""The port at which a training pauses: a batch was broken whole, and a person says when it goes on."""

from engine.core.gathering import ActorsHeldBack
from engine.core.ports import EffectAddress
from events.base import Event
from events.store.base import EventLog, Selection
from events.types.training import TrainingResumed


class PausePort:
    """Answers `PauseAsked` in every process but the one that asked: that one lets go of the run."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Say that the run was resumed.

        Raises:
            ActorsHeldBack: It was not; the run ends here for now, as a drained one does.
        """
        del asked
        last = {"session": 0, place.stream: 0}
        tags = frozenset({"session.started", "train.pause_asked"})
        async for each in self._log.read(Selection(run=place.run, streams=tuple(last), tags=tags)):
            last[each.stream.name] = each.position
        if last[place.stream] > last["session"]:
            raise ActorsHeldBack([place.stream], {})
        return TrainingResumed()
