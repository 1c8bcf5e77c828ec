"""Which skills the agent of a cell opened, as an effect: from what the run itself recorded."""

from collections.abc import Sequence
from typing import Final

from engine.core.lineage import Lineage, lineage_of, pages_along
from engine.core.ports import EffectAddress
from events.base import Event, Recorded
from events.store.base import EventLog, Selection
from events.streams import attempt_stream, trial_of
from events.types.agent import AgentRunFinished, SkillRead
from events.types.attempt import AttemptAbandoned
from events.types.evaluation import EvaluationScored
from events.types.evolution import SkillReadsAsked, SkillReadsFound
from events.types.sandbox import ActionObserved
from projections.exposure import HEAD

_UNKNOWN: Final = SkillReadsFound((), known=False)


class SkillReadsPort:
    """Answers `SkillReadsAsked` from the run's own streams; a fork's go back into those of its ancestors."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._lineages: dict[str, Lineage] = {}

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """List skills in the order in which they were first read."""
        assert isinstance(asked, SkillReadsAsked)
        found = await self._events(place.run, asked.cell)
        rolled = next((each.event.rolled.stream for each in found if isinstance(each.event, EvaluationScored)), None)
        trial = None if rolled is None else trial_of(rolled)
        if trial is None:
            return _UNKNOWN
        attempts: list[list[Recorded]] = []
        while attempt := await self._events(place.run, attempt_stream(trial, len(attempts) + 1)):
            attempts.append(attempt)
        events = [each.event for attempt in attempts if not _is_lost(attempt) for each in attempt]
        return _reads(events)

    async def _events(self, run: str, stream: str) -> list[Recorded]:
        if run not in self._lineages:
            self._lineages[run] = await lineage_of(self._log, run)
        pages = pages_along(self._log, self._lineages[run], Selection(run=run, streams=[stream]))
        return [each async for page in pages for each in page]


def _is_lost(attempt: Sequence[Recorded]) -> bool:
    return any(isinstance(each.event, AttemptAbandoned) for each in attempt)


def _reads(events: Sequence[Event]) -> SkillReadsFound:
    found: dict[str, None] = {}
    known = True
    for event in events:
        match event:
            case ActionObserved(reads=reads):
                told, heads = reads, True
            case AgentRunFinished(reads=reads):
                told, heads = reads, False
            case _:
                continue
        known = known and told is not None
        found |= dict.fromkeys(each.name.partition("/")[0] for each in told or () if _is_read(each, heads=heads))
    return SkillReadsFound(tuple(found), known)


def _is_read(read: SkillRead, *, heads: bool) -> bool:
    """Say whether a skill was read. An installed agent reads the head of every skill by itself, which says nothing."""
    return read.read > 0 and (heads or not read.name.endswith(f"/{HEAD}"))
