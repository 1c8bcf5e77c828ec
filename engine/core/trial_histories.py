"""What a run has recorded, read trial by trial: for actors that run one after the other, as a rerun's do.

A rerun then needs memory for its largest trial, and not for the run.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from typing_extensions import override

from engine.core.errors import RunUnknown
from engine.core.history import DERIVED, RunHistory, load_histories
from engine.core.lineage import SESSION, lineage_of
from events.base import Recorded
from events.store.base import EventLog, Selection
from events.streams import trial_of
from events.types.session import SessionStarted

AHEAD: Final = 5_000
"""Events that are read together: small trials cost no trip to the file each."""


class TrialHistories(Mapping[str, Sequence[Recorded]]):
    """Each stream by name. Those of a trial can be read only while it is held.

    All names are known, so that nobody takes a stream for a new one.
    """

    def __init__(self, log: EventLog, run: str, versions: Mapping[str, int], *, ahead: int = AHEAD) -> None:
        """Read nothing yet.

        Args:
            log: Where from.
            run: Whose streams; it is no fork.
            versions: How far each of them reaches, by name.
            ahead: Events that are read together, as far as whole trials have no more.
        """
        self._ahead = ahead
        self._log = log
        self._run = run
        self._versions = versions
        self._names: dict[str | None, list[str]] = {}
        for name in versions:
            self._names.setdefault(trial_of(name), []).append(name)
        self._unread = dict.fromkeys(trial for trial in self._names if trial is not None)
        self._read: dict[str | None, dict[str, list[Recorded]]] = {}
        self._held: set[str | None] = set()

    @override
    def __getitem__(self, name: str) -> Sequence[Recorded]:
        if name not in self._versions:
            raise KeyError(name)
        trial = trial_of(name)
        # No KeyError: who asks whether there is a history would be told that there is none.
        assert trial in self._read, f"{name} is read by nobody at this moment"
        return self._read[trial][name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._versions)

    @override
    def __len__(self) -> int:
        return len(self._versions)

    @override
    def __contains__(self, name: object) -> bool:
        return name in self._versions

    @property
    def events(self) -> int:
        """How many there are in all streams."""
        return sum(self._versions.values())

    async def read_own(self) -> None:
        """Read what is of no trial, and hold it for good."""
        self._held.add(None)
        await self._load([None])

    @asynccontextmanager
    async def hold(self, stream: str) -> AsyncIterator[None]:
        """Hold the trial that a stream is part of. Within it, all that is below is held already."""
        trial = trial_of(stream)
        if trial in self._held or trial not in self._names:
            yield
            return
        if trial not in self._read:
            await self._load(self._next(trial))
        self._held.add(trial)
        try:
            yield
        finally:
            self._held.discard(trial)
            del self._read[trial]

    def _next(self, trial: str | None) -> list[str | None]:
        """Choose what is read together: a trial, and as many that come next as are small beside the trip."""
        chosen, events = [trial], self._size(trial)
        for other in self._unread:
            if events >= self._ahead:
                break
            if other != trial and events + self._size(other) <= self._ahead:
                chosen.append(other)
                events += self._size(other)
        return chosen

    def _size(self, trial: str | None) -> int:
        return sum(self._versions[name] for name in self._names[trial])

    async def _load(self, trials: Sequence[str | None]) -> None:
        names = [name for trial in trials for name in self._names.get(trial, ())]
        for trial in trials:
            self._read[trial] = {name: [] for name in self._names.get(trial, ())}
            if trial is not None:
                self._unread.pop(trial, None)
        async for page in self._log.pages(Selection(run=self._run, streams=names)):
            for recorded in page:
                name = recorded.stream.name
                history = self._read[trial_of(name)][name]
                if len(history) < self._versions[name]:  # what was appended meanwhile is for another reading
                    history.append(recorded)


async def load_by_trial(log: EventLog, run: str) -> tuple[RunHistory, TrialHistories | None]:
    """Read what a run has recorded of itself, each trial when it is needed.

    Returns:
        The histories, and what must hold a trial while it is read. None: all is read, since the run is a fork.

    Raises:
        RunUnknown: There is no such run.
    """
    lineage = await lineage_of(log, run)
    if len(lineage) > 1:
        return await load_histories(log, run), None
    versions = {name: last for name, last in (await log.streams(run)).items() if not name.startswith(DERIVED)}
    if not versions:
        raise RunUnknown(run)
    trials = TrialHistories(log, run, versions)
    await trials.read_own()
    sessions = tuple(each.position for each in trials.get(SESSION, ()) if isinstance(each.event, SessionStarted))
    return RunHistory(trials, sessions, lineage), trials
