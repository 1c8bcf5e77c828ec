"""Whether the events that a decision is said to have seen hold what its inputs say."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from engine.config.program_registry import known_points
from engine.core.decision import Point
from engine.core.history import RunHistory
from events.base import Event, Ref
from events.store.blob_refs import named_blobs
from events.types.decision import DecisionMade, Part, Seen, Text, parts_of
from replay.ledger import LedgerEntry

Fields = Mapping[str, Any]


class Ungrounded(NamedTuple):
    """A value among the inputs of a decision that its event does not hold."""

    at: Ref
    """The event."""
    field: str
    held: Any
    """What the event holds, as JSON. None, too, if it has no such field, or is not there."""
    seen: Any
    """What the decision is said to have seen, as JSON."""


class Grounds:
    """The events of a run, as the inputs of its decisions refer to them."""

    def __init__(self, histories: RunHistory) -> None:
        self._histories = histories
        self._points = known_points()
        self._shown: dict[Ref, list[Fields]] = {}

    def ungrounded(self, entry: LedgerEntry) -> Iterator[Ungrounded]:
        """Compare each value that a decision saw with the event it came from; tables are not looked into."""
        for part in () if entry.point is None else parts_of(entry.saw):
            yield from self._compare(part)

    def _compare(self, part: Part) -> Iterator[Ungrounded]:
        match part:
            case Seen():
                seen: Fields = msgspec.to_builtins(part.value)
                shown = self._fields(part.seen)
                if not any(_holds(each, seen) for each in shown):
                    first = shown[0] if shown else {}
                    name = next((each for each in seen if seen[each] != first.get(each, ...)), "event")
                    yield Ungrounded(part.seen, name, first.get(name), seen.get(name))
            case Text():
                event = self._event(part.at)
                if event is None or part.text not in named_blobs(event):
                    yield Ungrounded(part.at, "blob", None, part.text)
            case _:
                pass

    def _event(self, at: Ref) -> Event | None:
        history = self._histories.by_stream.get(at.stream, ())
        return history[at.version - 1].event if 0 < at.version <= len(history) else None

    def _fields(self, at: Ref) -> list[Fields]:
        """Give what an event shows: its own fields, and the rulings that it stands for."""
        if at not in self._shown:
            event = self._event(at)
            self._shown[at] = [] if event is None else list(_shown(event, self._points))
        return self._shown[at]


def _shown(event: Event, points: Mapping[str, Point[Any, Any, Any]]) -> Iterator[Fields]:
    yield event.ruling if isinstance(event, DecisionMade) else msgspec.to_builtins(event)
    for point in points.values():
        ruling = point.ruling_in(event)
        if ruling is not None:
            yield msgspec.to_builtins(ruling)


def _holds(shown: Fields, seen: Fields) -> bool:
    return all(name in shown and shown[name] == value for name, value in seen.items())
