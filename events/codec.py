"""Events to canonical JSON bytes and back.

Canonical: fields in the order of their class, keys of mappings sorted, no white space, UTF-8. What cannot
be read back as it was is refused when it is written, never when it is read: msgspec writes NaN and infinity
as ``null``, which a field that admits None would take for a missing fact.
"""

from collections.abc import Callable
from typing import get_args, get_type_hints

import msgspec

from events.base import Event, Recorded, Ref
from events.catalog import AnyEvent
from events.errors import EventRefused
from events.upcast import LIFTS, Outgrown, lift

_encoder = msgspec.json.Encoder(order="deterministic")
_decoder: msgspec.json.Decoder[AnyEvent | Outgrown] = msgspec.json.Decoder(AnyEvent | Outgrown)
_ref_decoder = msgspec.json.Decoder(Ref)


def _fractional(hint: object) -> bool:
    """Say whether a value of a type can hold a float."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return any(map(_fractional, get_type_hints(hint).values()))
    return hint is float or any(map(_fractional, get_args(hint)))


_FRACTIONAL = frozenset(filter(_fractional, get_args(AnyEvent)))
"""Classes of events with a float somewhere."""

_TAGS: dict[type[Event], str] = {kind: kind.__struct_config__.tag for kind in get_args(AnyEvent)}


def encode(event: Event) -> bytes:
    """Write the canonical bytes of an event.

    Raises:
        EventRefused: The bytes would not read back as the same event.
    """
    try:
        payload = _encoder.encode(event)
        decoded = _decoder.decode(payload)
        if decoded == event:
            # 30 and 30.0 are equal, but not as JSON: only what was read back is written one way.
            return _encoder.encode(decoded) if type(event) in _FRACTIONAL else payload
    except (UnicodeEncodeError, msgspec.MsgspecError, TypeError, OverflowError) as error:
        raise EventRefused(type(event).__name__, str(error)) from error
    raise EventRefused(type(event).__name__, "it does not read back as it was written (NaN or infinity?)")


def as_bytes(event: Event) -> bytes:
    """Write an event to look through it: half the work of `encode`, which alone says whether it reads back.

    Raises:
        EventRefused: It cannot be written.
    """
    try:
        return _encoder.encode(event)
    except (UnicodeEncodeError, msgspec.MsgspecError, TypeError, OverflowError) as error:
        raise EventRefused(type(event).__name__, str(error)) from error


decode_as_written: Callable[[bytes], Event] = _decoder.decode
"""Reads an event in the shape in which it was written, which may be outgrown.

Raises:
    msgspec.MsgspecError: The bytes are not an event that this version knows.
"""


def decode(payload: bytes) -> Event:
    """Read an event from its bytes, lifted to the shape of today.

    Raises:
        msgspec.MsgspecError: The bytes are not an event that this version knows.
    """
    event = decode_as_written(payload)
    return lift(event) if type(event) in LIFTS else event


def as_today(recorded: Recorded) -> bytes:
    """Give an event's bytes as they would be written today: by these, histories of two versions compare.

    Raises:
        EventRefused: They cannot be written any more.
    """
    written = decode_as_written(recorded.payload)
    return encode(recorded.event) if type(written) in LIFTS else recorded.payload


def tag_of(event: Event) -> str:
    """Say the wire name of an event.

    Raises:
        EventRefused: Its class is not in the catalog.
    """
    try:
        return _TAGS[type(event)]
    except KeyError:
        raise EventRefused(type(event).__name__, "it is not in events/catalog.py") from None


def encode_ref(ref: Ref | None) -> bytes | None:
    """Write a cause as the log keeps it: a JSON pair, or None.

    Raises:
        EventRefused: It would not read back as the same reference.
    """
    if ref is None:
        return None
    try:
        if type(ref.stream) is str and type(ref.version) is int:
            return _encoder.encode(ref)
    except (UnicodeEncodeError, OverflowError) as error:
        raise EventRefused("a cause", str(error)) from error
    raise EventRefused("a cause", "it is not a stream and a version")


def decode_ref(text: bytes | None) -> Ref | None:
    """Read a cause."""
    return None if text is None else _ref_decoder.decode(text)
