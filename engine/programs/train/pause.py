"""The port at which a training pauses: a batch was broken whole, and a person says when it goes on."""

from engine.core.ports import EffectAddress
from engine.core.scope import ActorsHeldBack
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
        last = {"session.started": 0, "train.pause_asked": 0}
        async for each in self._log.read(Selection(run=place.run, tags=frozenset(last))):
            last["session.started" if each.stream.name == "session" else "train.pause_asked"] = each.position
        if last["train.pause_asked"] > last["session.started"]:
            raise ActorsHeldBack([place.stream], {})
        return TrainingResumed()
