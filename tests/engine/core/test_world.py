"""A life that writes nothing reads what is recorded, and what its actors have made of that."""

import pytest

from engine.core.world import ReadOnlyBlobs
from events.digest import Digest
from events.errors import BlobErased, BlobMissing
from events.store.memory import MemoryLog
from tests.support.worlds import Ticking


async def test_what_an_actor_made_is_given_back_where_the_log_lacks_it() -> None:
    """An earlier version may have read a text otherwise and kept other bytes: where that leads is compared, and named.

    If it ended there, it would be told as bytes that were lost.
    """
    log = MemoryLog(clock=Ticking())
    blobs = ReadOnlyBlobs(log)
    made = blobs.put(b"read otherwise")
    assert await blobs.get(made) == b"read otherwise"
    with pytest.raises(BlobMissing):
        await log.get(made)
    with pytest.raises(BlobMissing):
        await blobs.get(Digest("0" * 64))


async def test_what_was_erased_is_given_back_if_an_actor_made_it_again() -> None:
    """Else it is erased, and not only missing: that is said with the reason."""
    log = MemoryLog(clock=Ticking())
    kept, other = log.put(b"a name"), log.put(b"another")
    for digest in (kept, other):
        await log.erase(digest, "a person asked")
    blobs = ReadOnlyBlobs(log)
    assert blobs.put(b"a name") == kept
    assert await blobs.get(kept) == b"a name"
    with pytest.raises(BlobErased, match="a person asked"):
        await blobs.get(other)
