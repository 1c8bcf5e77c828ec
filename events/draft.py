"""Making drafts ready to be written: redacted, encoded, checked. Every log does it the same way."""

from collections.abc import Sequence
from typing import NamedTuple

from events import codec
from events.base import Draft, StreamId
from events.log_errors import EventRefused
from events.redact import Redactor


class Ready(NamedTuple):
    """An event as it will stand in the log, but for its place."""

    tag: str
    cause: bytes | None
    payload: bytes


def prepare(drafts: Sequence[Draft], redactor: Redactor) -> list[Ready]:
    """Redact and encode what is to be appended together.

    Raises:
        EventRefused: One of them would not read back. None of them may then be written.
    """
    if not drafts:
        raise EventRefused("nothing", "an append holds at least one event")
    ready = [Ready(codec.tag_of(event), codec.encode_ref(cause), codec.encode(event)) for event, cause in drafts]
    # One search through all of them: most of its cost is that of starting it. JSON of ours holds no bare LF.
    if redactor.hits(b"\n".join([payload for _, _, payload in ready])):
        return [
            Ready(tag, cause, codec.encode(redactor.event(draft.event)))
            for (tag, cause, _), draft in zip(ready, drafts, strict=True)
        ]
    return ready


def check_stream(stream: StreamId, redactor: Redactor) -> None:
    """Refuse a stream that cannot be named in the log.

    A secret in a name cannot be replaced, since the name is what other events refer to.

    Raises:
        EventRefused: It is empty, is not text, or holds a secret.
    """
    for part in stream:
        try:
            data = part.encode()
        except UnicodeEncodeError as error:
            raise EventRefused("a stream", str(error)) from error
        if not part or redactor.hits(data):
            raise EventRefused("a stream", "its name is empty or holds a secret value")
