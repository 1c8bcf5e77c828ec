"""Reading kept events back: from rows to `Recorded`."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NoReturn

import msgspec

from events import codec
from events.base import Recorded, StreamId
from events.errors import LogCorrupt
from events.store.base import Row
from events.upcast import LIFTS, lift

_EVENT = itemgetter(Recorded._fields.index("event"))

Kept = tuple[int, int, Any, bytes | None, int, bytes, bytes]
"""Position, version, what its stream is known by, cause, time, payload, digest: as a row comes from the file."""


def recorded(page: Sequence[Kept], streams: Mapping[Any, StreamId], where: str) -> Sequence[Recorded]:
    """Decode a page.

    Args:
        page: As it is kept.
        streams: Those of the page, by what they are known by.
        where: Which log it is from, for the error.

    Raises:
        LogCorrupt: An event of it is not what this version knows.
    """
    new, decode, decode_ref = tuple.__new__, codec.decode_as_written, codec.decode_ref
    try:
        # Rebuilding a projection spends its time here. Calling the class itself, which is Python, takes 0.2 us more.
        events = [
            new(
                Recorded,
                (
                    position,
                    streams[stream],
                    version,
                    None if cause is None else decode_ref(cause),
                    at,
                    decode(payload),
                    payload,
                    digest.hex(),
                ),
            )
            for position, version, stream, cause, at, payload, digest in page
        ]
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError, AttributeError):
        _blame(page, where)
    # Few pages hold one that was outgrown; asking each event by itself would cost more than all of them at once.
    if LIFTS.keys().isdisjoint(map(type, map(_EVENT, events))):
        return events
    return [each._replace(event=lift(each.event)) for each in events]


def recorded_rows(rows: Sequence[Row], where: str) -> Sequence[Recorded]:
    """Decode rows, by what only damage would make different from the payload.

    Raises:
        LogCorrupt: See `recorded`.
    """
    streams = {(row.run, row.name): StreamId(row.run, row.name) for row in rows}
    return recorded([(row.position, row.version, (row.run, row.name), *row[5:]) for row in rows], streams, where)


def _blame(page: Sequence[Kept], where: str) -> NoReturn:
    """Find the event that cannot be read."""
    for position, _, _, cause, _, payload, _ in page:
        try:
            codec.decode(payload)
            codec.decode_ref(cause)
        except (msgspec.MsgspecError, UnicodeDecodeError, TypeError) as error:
            raise LogCorrupt(where, f"event {position} cannot be read: {error}") from error
    raise LogCorrupt(where, f"an event from {page[0][0]} to {page[-1][0]} has a column of another type")
