"""Many blobs at once, asked of each store in turn."""

from events.digest import Digest, digest_of
from events.errors import BlobErased, BlobMissing
from events.store.base import EventLog
from tests.events.samples import TRIAL, asked


async def _given(log: EventLog, digests: list[Digest]) -> dict[Digest, object]:
    return {digest: found async for page in log.many(digests) for digest, found in page}


async def test_many_blobs_come_back_each_once_whether_or_not_they_were_written_yet(log: EventLog) -> None:
    """More than one statement asks for, of sizes that fill more than one page, some still on their way to the file."""
    large = [bytes([number]) * (5 << 20) for number in range(5)]
    data = [f"blob {number}".encode() * (number % 40) for number in range(600)]
    named = [log.put(each) for each in [*data, *large]]
    await log.append(TRIAL, asked(named[0]), expected_version=0)
    named.append(log.put(b"staged"))
    assert await _given(log, named) == {digest_of(each): each for each in [*data, *large, b"staged"]}


async def test_what_is_not_there_hides_nothing_else(log: EventLog) -> None:
    """In its place stands why: it was erased, it never was, or that is no digest at all."""
    there, erased = log.put(b"there"), log.put(b"erased")
    await log.append(TRIAL, asked(there), expected_version=0)
    await log.erase(erased, "they asked us to")
    never, nonsense = digest_of(b"never"), Digest("nonsense")
    found = await _given(log, [never, erased, nonsense, there])
    assert found.pop(there) == b"there"
    assert isinstance(found[erased], BlobErased)
    assert {type(found[never]), type(found[nonsense])} == {BlobMissing}
