"""What every store asks of events that it takes over whole: from another log, or from an import."""

from collections.abc import Sequence

from events.base import StreamId
from events.draft import check_stream, hold_secrets, prepare, redact
from events.log import Append, Row
from events.log_errors import EventRefused, VersionConflict
from events.redact import Redactor


def check_adopted(rows: Sequence[Row], redactor: Redactor) -> None:
    """Refuse events that hold a known secret: replacing it here would make another history of them.

    Raises:
        EventRefused: One does, or its stream cannot be named.
    """
    for stream in dict.fromkeys(StreamId(row.run, row.name) for row in rows):
        check_stream(stream, redactor)
    if redactor.hits(b"\0".join([row.payload for row in rows])):
        raise EventRefused("an event of another log", "it holds a value that is registered as a secret here")


def follow_on(versions: dict[StreamId, int], row: Row) -> None:
    """Count an event to its stream.

    Raises:
        VersionConflict: The stream does not go on with it.
    """
    stream = StreamId(row.run, row.name)
    version = versions.get(stream, 0)
    if row.version != version + 1:
        raise VersionConflict("/".join(stream), expected=row.version - 1, actual=version)
    versions[stream] = row.version


def rows_of(appends: Sequence[Append], redactor: Redactor, at: int) -> list[Row]:
    """Make rows of events that are to be kept together. Positions and digests are left open: a store gives them.

    Args:
        appends: In their order.
        redactor: Replaces known secrets.
        at: When they are recorded: microseconds since 1970, UTC.

    Raises:
        EventRefused: One of them would not read back, or its stream cannot be named.
    """
    rows: list[Row] = []
    for stream, drafts, expected in appends:
        ready = prepare(drafts)
        if hold_secrets([ready], redactor):
            ready = redact(drafts, redactor)
        check_stream(stream, redactor)
        for version, (tag, cause, payload) in enumerate(ready, start=expected + 1):
            rows.append(Row(0, *stream, version, tag, cause, at, payload, b""))
    return rows
