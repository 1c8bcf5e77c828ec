"""Saying whether a replay parts from the record, and where."""

from typing import NoReturn

import msgspec

from engine.errors import ReplayDiverged
from events.base import Event, Recorded, Ref
from events.codec import as_today, encode, tag_of

_NOTHING = msgspec.Raw(b"nothing")
"""What a field holds that an older event does not have."""


def same(recorded: Recorded, decided: Event) -> bool:
    """Say whether an event that is decided is the one that is recorded; what an earlier version wrote is lifted."""
    payload = encode(decided)
    return recorded.payload == payload or as_today(recorded) == payload


def diverged(recorded: Recorded, decided: Event, cause: Ref | None) -> NoReturn:
    """Name the first field in which a decided event differs from the recorded one.

    Raises:
        ReplayDiverged: Always.
    """
    field, before, now = _difference(recorded, decided, cause)
    raise ReplayDiverged(
        recorded.stream.name, recorded.version, field=field, recorded=before, decided=now, event=encode(decided)
    )


def _difference(recorded: Recorded, decided: Event, cause: Ref | None) -> tuple[str, str, str]:
    if tag_of(recorded.event) != tag_of(decided):
        return "tag", tag_of(recorded.event), tag_of(decided)
    before = msgspec.json.decode(as_today(recorded), type=dict[str, msgspec.Raw])
    now = msgspec.json.decode(encode(decided), type=dict[str, msgspec.Raw])
    for field in now:
        was, is_now = bytes(before.get(field, _NOTHING)).decode(), bytes(now[field]).decode()
        if was != is_now:
            return field, was, is_now
    return "cause", str(recorded.cause), str(cause)
