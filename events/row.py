"""Reading kept events back: from rows to `Recorded`."""

import msgspec

from events import codec
from events.base import Recorded, StreamId
from events.digest import Digest
from events.log import Row
from events.log_errors import LogCorrupt


def recorded(row: Row, where: str) -> Recorded:
    """Decode a row.

    Args:
        row: As it is kept.
        where: Which log it is from, for the error.

    Raises:
        LogCorrupt: It is not an event that this version knows.
    """
    position, run, name, version, _tag, cause, at, payload, digest = row
    try:
        event = codec.decode(payload)
        ref = codec.decode_ref(cause)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LogCorrupt(where, f"event {position} cannot be read: {error}") from error
    return Recorded(position, StreamId(run, name), version, ref, at, event, payload, Digest(digest.hex()))
