"""What stands behind a place of a run: what the world was asked there, in whichever stream, and what it cost.

A thread that leaves its recorded path takes with it what its stream holds from there on, all streams that were begun
below it after that, and each stream above from where it gathers it. What was begun beside it is not touched.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from engine.core.history import RunHistory
from engine.core.lineage import APART
from events.base import Event, Recorded
from events.codec import tag_of
from events.streams import ParentOf, parent_of, thread_of
from events.types.attempt import ImportedAttempt
from events.types.model import ModelAnswered, ModelFailed, ModelImported, RetryAsked
from events.types.sandbox import ReleaseAsked
from events.types.trajectory import StepImported
from events.types.trial import AttemptPlanned
from events.values import NanoUsd
from projections.charges import is_unknown, known_cost, unknown_before


class Impact(NamedTuple):
    """What is recorded behind a place, and what would have to be lived anew."""

    effects: int
    """Times that the world was asked for something that decisions rest on."""
    attempts: int
    interventions: int
    """Soft and strong ones."""
    calls: int
    """Answers of models, and calls that failed but were paid for, or may have been."""
    cost: NanoUsd
    """Of those whose cost is known."""
    unknown_calls: int
    """Those of them whose cost nobody knows."""


NOTHING = Impact(0, 0, 0, 0, 0, 0)


def total(parts: Iterable[Impact]) -> Impact:
    """Add up what stands behind several places."""
    columns = [sum(column) for column in zip(*parts, strict=True)]
    return Impact(*columns) if columns else NOTHING


class _Facts:
    """Positions of one stream, each list in its order."""

    def __init__(self, history: Iterable[Recorded], spoken: Iterable[int]) -> None:
        self.events: list[int] = []
        self.effects: list[int] = []
        """Where the world was asked for something that decisions rest on."""
        self.attempts: list[int] = []
        """Where an attempt began."""
        self.spoken = sorted(spoken)
        """Where a soft or strong intervention was chosen."""
        self.calls: list[int] = []
        """Where a model answered, or failed and may have been paid for."""
        self.costs: list[NanoUsd | None] = []
        """What each of these cost. None: nobody knows."""
        for each in history:
            self.events.append(each.position)
            if _asks(each.event):
                self.effects.append(each.position)
            if isinstance(each.event, AttemptPlanned | ImportedAttempt):
                self.attempts.append(each.position)
            for cost in _paid(each.event):
                self.calls.append(each.position)
                self.costs.append(cost)

    def between(self, after: int, until: float, spoken_from: int) -> Impact:
        """Count what stands behind one position, and not behind another; an attempt at the place itself counts."""
        costs = self.costs[bisect_right(self.calls, after) : bisect_right(self.calls, until)]
        known = [cost for cost in costs if cost is not None]
        spoken = bisect_left(self.spoken, until) - bisect_left(self.spoken, min(after, spoken_from))
        return Impact(
            effects=bisect_right(self.effects, until) - bisect_right(self.effects, after),
            attempts=bisect_left(self.attempts, until) - bisect_left(self.attempts, after),
            interventions=max(0, spoken),
            calls=len(costs),
            cost=sum(known),
            unknown_calls=len(costs) - len(known),
        )


class Timeline:
    """What each stream of a run holds, by position, and which stream was begun below which."""

    def __init__(
        self, histories: RunHistory, spoken: Mapping[str, Sequence[int]], parents: ParentOf = parent_of
    ) -> None:
        """Read them.

        Args:
            histories: Of the run.
            spoken: Where an agent was to be told something because of PDI, by stream.
            parents: Says which actor began which, as the run's program has it.
        """
        self.parents = parents
        owned = {name: history for name, history in histories.by_stream.items() if name not in APART and history}
        self._facts = {name: _Facts(history, spoken.get(name, ())) for name, history in owned.items()}
        self._below: dict[str, list[tuple[int, str]]] = {}
        for name, facts in self._facts.items():
            parent = parents(name)
            if parent is not None:
                self._below.setdefault(parent, []).append((facts.events[0], name))
        for begun in self._below.values():
            begun.sort()
        self._last_attempts: dict[str, int] = {}
        for name, facts in self._facts.items():
            thread = self.thread_of(name)
            self._last_attempts[thread] = max(self._last_attempts.get(thread, 0), *facts.attempts[-1:], 0)
        for name, facts in self._facts.items():
            last = self._last_attempts[self.thread_of(name)]
            facts.spoken = [position for position in facts.spoken if position < last]

    @property
    def threads(self) -> tuple[str, ...]:
        """Name all threads of the run, each by its topmost stream."""
        return tuple(self._last_attempts)

    def thread_of(self, stream: str) -> str:
        """Name the topmost stream below the run's own that a stream hangs from."""
        return thread_of(stream, self.parents)

    def attempt_follows(self, thread: str, position: int) -> bool:
        """Say whether an attempt of a thread begins behind a place."""
        return self._last_attempts[thread] > position

    def left(self, stream: str, position: int) -> Iterator[tuple[str, int]]:
        """Name the streams that a thread takes with it which leaves at a position, each with the last place kept."""
        yield stream, position
        yield from self._begun_below(stream, position)
        above = self.parents(stream)
        while above is not None:
            if above in self._facts:
                events = self._facts[above].events
                index = bisect_right(events, position)
                if index < len(events):
                    yield above, events[index] - 1
                    yield from self._begun_below(above, events[index])
            above = self.parents(above)

    def _begun_below(self, stream: str, position: int) -> Iterator[tuple[str, int]]:
        begun = self._below.get(stream, [])
        for _, name in begun[bisect_right(begun, (position, chr(0x10FFFF))) :]:
            yield name, 0
            yield from self._begun_below(name, 0)

    def behind(self, stream: str, after: int, until: float, spoken_from: int) -> Impact:
        """Count what a stream holds behind one position and not behind another.

        Args:
            stream: Its name.
            after: The last place that is kept.
            until: From where on it was counted before; infinity if it was not.
            spoken_from: From which position on interventions count: one of them may be what led here.
        """
        return self._facts[stream].between(after, until, spoken_from)


def _paid(event: Event) -> Iterator[NanoUsd | None]:
    """Give the cost of each call of a model that an event tells of and that was paid for, or may have been."""
    match event:
        case ModelAnswered() | ModelFailed():
            yield from [None] * unknown_before(event.earlier)
            if isinstance(event, ModelAnswered) or event.cost is not None or is_unknown(event):
                yield known_cost(event.cost)
        case ModelImported():
            yield None
        case StepImported() if event.answers:
            yield event.cost
        case _:
            pass


def _asks(event: Event) -> bool:
    """Say whether the world was asked for something that decisions rest on: not on a wait, or a sandbox let go."""
    if isinstance(event, ReleaseAsked | RetryAsked):
        return False
    return isinstance(event, ImportedAttempt) or tag_of(event).endswith("asked")
