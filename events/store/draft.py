"""Making drafts ready to be written: redacted, encoded, checked. Every log does it the same way."""

from collections.abc import Iterable, Sequence

from events import codec
from events.base import Draft, Event, StreamId
from events.errors import EventRefused, VersionConflict
from events.redaction.redactor import Redactor
from events.store.base import Append, Row

LONGEST_NAME = 1 << 20
"""Bytes of a run's id, or of a stream's name, at the most: each stands in an index."""

Ready = tuple[str, bytes | None, bytes]
"""An event as it will stand in the log, but for its place: tag, cause, payload.

No class of its own: this is made for each event, and a named tuple takes 0.2 us more.
"""


def prepare(drafts: Sequence[Draft]) -> list[Ready]:
    """Encode what is to be appended together.

    Raises:
        EventRefused: One of them would not read back. None of them may then be written.
    """
    if not drafts:
        raise EventRefused("nothing", "an append holds at least one event")
    ready: list[Ready] = []
    for event, cause in drafts:
        payload = codec.encode(event)
        ref = None if cause is None else codec.encode_ref(cause)
        ready.append((codec.tag_of(event), ref, payload))
    return ready


def without_secrets(drafts: Sequence[Draft], redactor: Redactor) -> list[Draft]:
    """Give what is to be appended with every known secret replaced.

    Raises:
        EventRefused: A secret has the value of a word of the log itself.
    """
    return [Draft(redactor.event(event), cause) for event, cause in drafts]


def redact(drafts: Sequence[Draft], redactor: Redactor) -> list[Ready]:
    """Encode again what holds a secret, without it.

    Raises:
        EventRefused: A secret has the value of a word of the log itself.
    """
    return prepare(without_secrets(drafts, redactor))


def as_kept(event: Event, redactor: Redactor) -> Event:
    """Give an event as the log keeps it: the same one, unless it holds a known secret.

    Raises:
        EventRefused: It cannot be encoded, or a secret has the value of a word of the log itself.
    """
    return redactor.event(event) if redactor.hits(codec.as_bytes(event)) else event


def hold_secrets(appends: Iterable[Sequence[Ready]], redactor: Redactor) -> bool:
    """Say whether any payload of some appends holds a known secret.

    One search through all of them costs a fifth of one through each: most of it is starting to search. JSON of ours
    holds no NUL, and no value can be looked for that does, so nothing is found across two of them.
    """
    return redactor.hits(b"\0".join([payload for append in appends for _, _, payload in append]))


def check_stream(stream: StreamId, redactor: Redactor) -> None:
    """Refuse a stream that cannot be named in the log.

    A secret in a name cannot be replaced, since the name is what other events refer to.

    Raises:
        EventRefused: It is empty, is not text, is longer than `LONGEST_NAME`, or holds a secret.
    """
    for part in stream:
        try:
            data = part.encode()
        except UnicodeEncodeError as error:
            raise EventRefused("a stream", str(error)) from error
        if not part or redactor.hits(data):
            raise EventRefused("a stream", "its name is empty or holds a secret value")
        if len(data) > LONGEST_NAME:
            raise EventRefused("a stream", f"its name has {len(data):,} bytes, and may have {LONGEST_NAME:,}")


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
