"""What a run has recorded so far, as its actors take it up again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from engine.core.errors import RunUnknown
from engine.core.lineage import APART, SESSION, Branch, Lineage, ancestral_sessions, lineage_of, pages_of
from events.base import Recorded, Ref, StreamId
from events.codec import tag_of
from events.store.base import EventLog, Selection
from events.streams import RUN, trial_of, trial_stream
from events.types.run import RunClosed, RunOpened
from events.types.session import CallLeftOpen, SessionStarted

DERIVED = "whatif/"
"""Streams of this name hold what readers asked of the run later; no actor knows them."""


class RunHistory(NamedTuple):
    """All that a run has recorded, by stream."""

    by_stream: Mapping[str, Sequence[Recorded]]
    sessions: tuple[int, ...]
    """Positions at which processes took up the run, or one of its ancestors."""
    lineage: Lineage = ()
    """Empty for a run that is about to start."""
    earlier: Sequence[Recorded] = ()
    """What processes noted of its ancestors before the cut."""

    @property
    def opened(self) -> RunOpened | None:
        """The run's first event. None: it was cut off before that, or it was imported."""
        history = self.by_stream.get(RUN, ())
        first = history[0].event if history else None
        return first if isinstance(first, RunOpened) else None

    @property
    def closed(self) -> bool:
        """Whether the run has ended."""
        history = self.by_stream.get(RUN, ())
        return bool(history) and isinstance(history[-1].event, RunClosed)

    @property
    def in_flight(self) -> tuple[Ref, ...]:
        """Effects that were asked and have no outcome: each is the last event of its stream.

        A call that the last process was refused, and stopped for, is none of them: it cost nothing.
        """
        refused = refused_calls(self.by_stream.get(SESSION, ()))
        last = [history[-1] for name, history in self.by_stream.items() if name not in APART]
        return tuple(each.ref for each in last if tag_of(each.event).endswith("asked") and each.ref not in refused)

    @property
    def bases(self) -> Mapping[str, int]:
        """How many events of each stream are not in the log under this run's name."""
        return self.lineage[-1].cuts if self.lineage else {}

    @property
    def session_version(self) -> int:
        """How far the session stream reaches."""
        history = self.by_stream.get(SESSION, ())
        return history[-1].version if history else 0


async def load_histories(log: EventLog, run: str, trial: str | None = None) -> RunHistory:
    """Read what a run has recorded of itself.

    Args:
        log: Which holds it.
        run: Its id.
        trial: Only this trial, its attempts and their calls, and what the run as a whole recorded; empty for no trial.
            None: everything.

    Raises:
        RunUnknown: There is no such run.
    """
    by_stream: dict[str, list[Recorded]] = {}
    lineage = await lineage_of(log, run)
    for selection in await _selections(log, lineage, trial):
        async for page in pages_of(log, selection):
            for recorded in page:
                if not recorded.stream.name.startswith(DERIVED):
                    by_stream.setdefault(recorded.stream.name, []).append(recorded)
    if not by_stream:
        raise RunUnknown(run)
    own = by_stream.get(SESSION, [])
    earlier = await ancestral_sessions(log, lineage, _last_shared(by_stream, lineage)) if len(lineage) > 1 else []
    return RunHistory(by_stream, starts_in([*earlier, *own]), lineage, earlier)


def refused_calls(session: Sequence[Recorded]) -> Mapping[Ref, str]:
    """Name the calls that the last process was refused and stopped for, each with its model.

    Args:
        session: What processes noted of the run, the oldest first.
    """
    found: dict[Ref, str] = {}
    for each in session:
        match each.event:
            case SessionStarted():
                found.clear()
            case CallLeftOpen() as refused:
                found[refused.asked] = refused.model
            case _:
                pass
    return found


def starts_in(notes: Iterable[Recorded]) -> tuple[int, ...]:
    """Give the positions at which processes took up a run."""
    return tuple(each.position for each in notes if isinstance(each.event, SessionStarted))


def cut(histories: RunHistory, run: str, position: int) -> RunHistory:
    """Give what a fork of a run would begin with: every stream up to a position of the log, none of them copied.

    Args:
        histories: Of the parent, whole.
        run: Id of the fork.
        position: The last one that is shared.
    """
    kept = {
        name: [each for each in history if each.position <= position]
        for name, history in histories.by_stream.items()
        if name not in APART
    }
    shared = {name: history for name, history in kept.items() if history}
    cuts = {name: history[-1].version for name, history in shared.items()}
    lineage = (*histories.lineage, Branch(run, None, cuts))
    last = _last_shared(shared, lineage)
    notes = [*histories.earlier, *histories.by_stream.get(SESSION, ())]
    return RunHistory(
        by_stream=shared,
        sessions=tuple(each for each in histories.sessions if each <= last),
        lineage=lineage,
        earlier=[each for each in notes if each.position <= last],
    )


def _last_shared(by_stream: Mapping[str, Sequence[Recorded]], lineage: Lineage) -> int:
    """Give the position of the last event that a fork has of its ancestors; 0 if there is none."""
    cuts = lineage[-1].cuts
    read = ((by_stream[name], version) for name, version in cuts.items() if name in by_stream)
    return max((history[version - 1].position for history, version in read), default=0)


async def _selections(log: EventLog, lineage: Lineage, trial: str | None) -> list[Selection]:
    run = lineage[-1].run
    if trial is None:
        return [Selection(run=run)]
    wanted = {RUN, SESSION, trial_stream(trial)}
    streams = dict.fromkeys([*lineage[-1].cuts, *await log.streams(run)])
    return [
        Selection(stream=StreamId(run, name))
        for name in streams
        if name in wanted or (trial and trial_of(name) == trial)
    ]
