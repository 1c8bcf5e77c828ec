"""What a run has recorded so far, as its actors take it up again."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.errors import RunUnknown
from events.base import Recorded, Ref
from events.codec import tag_of
from events.log import EventLog, Selection
from events.run import RunClosed, RunOpened
from events.session import SessionStarted

RUN = "run"
SESSION = "session"


class Histories(NamedTuple):
    """All that a run has recorded, by stream."""

    by_stream: Mapping[str, Sequence[Recorded]]
    sessions: tuple[int, ...]
    """Positions at which processes took up the run."""

    @property
    def opened(self) -> RunOpened | None:
        """The run's first event. None: it was cut off before that, or it was imported."""
        history = self.by_stream.get(RUN, ())
        first = history[0].event if history else None
        return first if isinstance(first, RunOpened) else None

    @property
    def closed(self) -> bool:
        """Whether the run has come to its end."""
        history = self.by_stream.get(RUN, ())
        return bool(history) and isinstance(history[-1].event, RunClosed)

    @property
    def in_flight(self) -> tuple[Ref, ...]:
        """Effects that were asked and have no outcome: each is the last event of its stream."""
        last = [history[-1] for name, history in self.by_stream.items() if name != SESSION]
        return tuple(each.ref for each in last if tag_of(each.event).endswith("asked"))

    @property
    def session_version(self) -> int:
        """How far the session stream reaches."""
        history = self.by_stream.get(SESSION, ())
        return history[-1].version if history else 0


async def load_histories(log: EventLog, run: str) -> Histories:
    """Read everything a run has recorded.

    Raises:
        RunUnknown: There is no such run.
    """
    by_stream: dict[str, list[Recorded]] = {}
    async for recorded in log.read(Selection(run=run)):
        by_stream.setdefault(recorded.stream.name, []).append(recorded)
    if not by_stream:
        raise RunUnknown(run)
    sessions = tuple(
        recorded.position for recorded in by_stream.get(SESSION, ()) if isinstance(recorded.event, SessionStarted)
    )
    return Histories(by_stream, sessions)
