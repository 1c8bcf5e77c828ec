"""Saying whether a replay parts from the record, and where."""

import re
from typing import NoReturn

import msgspec

from engine.core.errors import ReplayDiverged
from events.base import Event, Recorded, Ref
from events.codec import as_today, encode, tag_of
from events.redaction.redactor import MARK

_MARK = re.compile(MARK.encode())

_WITHIN_A_TEXT = re.compile(rb'(?:[^"\\]|\\.)*', re.DOTALL)
"""Anything that stays within one text of JSON."""

_NOTHING = msgspec.Raw(b"nothing")
"""What a field holds that an older event does not have."""


def same(recorded: Recorded, decided: Event) -> bool:
    """Say whether an event that is decided is the one that is recorded; what an earlier version wrote is lifted."""
    payload = encode(decided)
    if recorded.payload == payload:
        return True
    today = as_today(recorded)
    return today == payload or (_MARK.search(today) is not None and _same_but_for_secrets(today, payload))


def _same_but_for_secrets(recorded: bytes, decided: bytes) -> bool:
    """Say whether two payloads are equal where nothing was replaced: what stood behind a mark is not known any more."""
    first, *rest = _MARK.split(recorded)
    if not decided.startswith(first):
        return False
    at = len(first)
    for number, piece in enumerate(rest, 1):
        # The nearest place is the best one: whatever fits behind a farther place fits behind it, too.
        found = decided.find(piece, at) if number < len(rest) else len(decided) - len(piece)
        if found < at or not decided.startswith(piece, found) or not _WITHIN_A_TEXT.fullmatch(decided, at, found):
            return False
        at = found + len(piece)
    return True


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
