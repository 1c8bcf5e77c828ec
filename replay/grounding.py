"""Whether the events that a decision is said to have seen hold what its inputs say."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from engine.config.program_registry import known_points
from engine.core.decision import Point
from engine.core.trial_histories import EventReader
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

    def __init__(self, events: EventReader) -> None:
        self._events = events
        self._points = known_points()

    async def ungrounded(self, entry: LedgerEntry) -> list[Ungrounded]:
        """Compare each value that a decision saw with the event it came from; tables are not looked into."""
        parts = () if entry.point is None else parts_of(entry.saw)
        return [found for part in parts if (found := await self._compare(part)) is not None]

    async def _compare(self, part: Part) -> Ungrounded | None:
        match part:
            case Seen():
                seen: Fields = msgspec.to_builtins(part.value)
                recorded = await self._events.at(part.seen)
                shown = [] if recorded is None else _shown(recorded.event, self._points)
                first: Fields | None = None
                for each in shown:
                    first = each if first is None else first
                    if _holds(each, seen):
                        return None
                first = first or {}
                name = next((each for each in seen if seen[each] != first.get(each, ...)), "event")
                return Ungrounded(part.seen, name, first.get(name), seen.get(name))
            case Text():
                recorded = await self._events.at(part.at)
                held = recorded is not None and part.text in named_blobs(recorded.event)
                return None if held else Ungrounded(part.at, "blob", None, part.text)
            case _:
                return None


def _shown(event: Event, points: Mapping[str, Point[Any, Any, Any]]) -> Iterator[Fields]:
    yield event.ruling if isinstance(event, DecisionMade) else msgspec.to_builtins(event)
    for point in points.values():
        ruling = point.ruling_in(event)
        if ruling is not None:
            yield msgspec.to_builtins(ruling)


def _holds(shown: Fields, seen: Fields) -> bool:
    return all(name in shown and shown[name] == value for name, value in seen.items())
