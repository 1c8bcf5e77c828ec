"""Saying where a replay parts from the record."""

from typing import NoReturn

import msgspec

from engine.errors import ReplayDiverged
from events.base import Event, Recorded, Ref
from events.codec import encode, encode_ref, tag_of


def diverged(recorded: Recorded, decided: Event, cause: Ref | None) -> NoReturn:
    """Name the first field in which a decided event differs from the recorded one.

    Raises:
        ReplayDiverged: Always.
    """
    field, before, now = _difference(recorded, decided, cause)
    raise ReplayDiverged(recorded.stream.name, recorded.version, field=field, recorded=before, decided=now)


def _difference(recorded: Recorded, decided: Event, cause: Ref | None) -> tuple[str, str, str]:
    if tag_of(recorded.event) != tag_of(decided):
        return "tag", tag_of(recorded.event), tag_of(decided)
    before = msgspec.json.decode(recorded.payload, type=dict[str, msgspec.Raw])
    now = msgspec.json.decode(encode(decided), type=dict[str, msgspec.Raw])
    for field in now:
        if bytes(before.get(field, msgspec.Raw(b"nothing"))) != bytes(now[field]):
            return field, bytes(before.get(field, msgspec.Raw(b"nothing"))).decode(), bytes(now[field]).decode()
    return "cause", encode_ref(recorded.cause) or "none", encode_ref(cause) or "none"
