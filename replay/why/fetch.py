"""Fetching bytes and hashing them again: what a node says of its digest is seen, not believed."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from engine.effects.conversation import ConversationReader
from engine.effects.models import build_request
from engine.providers.base import body_of
from events.base import Event, Recorded, StreamId
from events.codec import encode_ref
from events.digest import Digest, Fingerprint, digest_of
from events.errors import BlobErased, BlobMissing, LogCorrupt
from events.store.base import EventLog, Selection
from events.store.chain import GENESIS, link, stream_part
from events.types.model import ModelAsked
from replay.why.nodes import Verified
from replay.why.plain_values import plain, plain_name

MOST_TEXT: Final = 160
"""Characters of a text that a node quotes. What opens the node shows all of it."""
_DIGEST: Final = 64


class FetchedBlob(NamedTuple):
    """What is there under a digest."""

    verified: Verified
    trouble: str
    data: bytes
    """Empty if they are not there."""


async def bytes_of(log: EventLog, digest: Digest) -> FetchedBlob:
    """Fetch a blob and hash it again."""
    try:
        data = await log.get(digest)
    except BlobErased as error:
        return FetchedBlob("erased", f"erased: {error.reason}", b"")
    except BlobMissing as error:
        return FetchedBlob("missing", error.problem, b"")
    except LogCorrupt as error:
        return FetchedBlob("damaged", error.problem, b"")
    if digest_of(data) != digest:
        return FetchedBlob("damaged", f"blob {digest} holds other bytes than its digest names", b"")
    return FetchedBlob("kept", "", data)


async def event_verified(log: EventLog, recorded: Recorded) -> tuple[Verified, str]:
    """Compute an event's digest again, from its bytes and the digest of the event before it in the log.

    What a fork shares stands in the log under the name of an ancestor, and its own events are counted there from 1.
    """
    position = recorded.position
    rows = [row async for page in log.rows(Selection(after=max(0, position - 2), until=position)) for row in page]
    before = rows[-2].digest if position > 1 else GENESIS
    place = (position, rows[-1].version, recorded.at)
    stream = stream_part(StreamId(rows[-1].run, rows[-1].name))
    made = link(before, place, stream, encode_ref(recorded.cause), recorded.payload)
    if made.hex() == recorded.digest:
        return "kept", ""
    return "damaged", f"event {position} does not fit its digest: it was changed, or the one before it was"


async def request_verified(
    log: EventLog, reader: ConversationReader, asked: Event | None, named: Fingerprint
) -> tuple[Verified, str]:
    """Build a request again from what was asked, and compare it with what was sent."""
    if not isinstance(asked, ModelAsked):
        return "unkept", "what was asked is not known"
    try:
        built = Fingerprint(digest_of(body_of(await build_request(asked, reader, log))))
    except BlobErased as error:
        return "erased", f"cannot be built again: {error.problem}"
    except (BlobMissing, LogCorrupt) as error:
        return "missing", f"cannot be built again: {error.problem}"
    return ("rebuilt", "") if built == named else ("differs", f"built again, the request has the digest {built}")


def beginning(data: bytes) -> str:
    """Quote the beginning of a text on one line."""
    text = " ".join(data[: 8 * MOST_TEXT].decode("utf-8", "replace").split())
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def values_of(event: Event) -> str:
    """Tell an event's own values on one line: all but digests, what is empty, and under which revision it ruled."""
    fields: dict[str, object] = msgspec.json.decode(msgspec.json.encode(event))
    for name in ("tag", "point_revision", "saw"):
        fields.pop(name, None)
    told = ", ".join(_told(fields, ""))
    return told if len(told) <= 2 * MOST_TEXT else told[: 2 * MOST_TEXT - 1] + "…"


def _told(fields: dict[str, object], prefix: str) -> list[str]:
    told: list[str] = []
    for name, value in fields.items():
        match value:
            case dict() if value.keys() != {"numerator", "denominator"}:
                told += _told(value, f"{prefix}{name}.")
            case "" | None | [] | () | {}:
                continue
            case list() | tuple() if _named(value) or all(map(is_digest, value)):
                continue
            case str() if is_digest(value):
                continue
            case [str(), int()]:
                told.append(f"{prefix}{name} {plain(name, value)}")
            case list() | tuple():
                told.append(f"{prefix}{name} " + "; ".join(plain(name, each) for each in value))
            case _:
                told.append(f"{prefix}{plain_name(name)} {plain(name, value)}")
    return told


def _named(items: Sequence[object]) -> bool:
    """Say whether these are names with digests, which are nodes of their own."""
    return all(isinstance(each, dict) and any(is_digest(part) for part in each.values()) for each in items)


def is_digest(value: object) -> bool:
    """Say whether a value has the shape of a digest."""
    return isinstance(value, str) and len(value) == _DIGEST and set(value) <= set("0123456789abcdef")
