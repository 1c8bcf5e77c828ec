"""One append that cannot be written: it is refused with a reason; its neighbours and all that come later are kept."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import anyio
import pytest

from events.base import Draft, StreamId
from events.errors import BlobErased, BlobTooLarge, EventRefused, LogUnwritable, StillroomError
from events.integrity.verify import verify
from events.store.draft import prepare
from events.store.sqlite.blobs import ROOM
from events.store.sqlite.store import SqliteLog
from tests.events.samples import ATTEMPT, TRIAL, asked, drafts, observed, said, texts, ticking

MOST = 100_000
NAMES = b"".join(sha256(b"%d" % number).digest() for number in range(5_000))
"""Bytes that do not get shorter by packing, so that they are found wherever they are."""


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    """A log whose SQLite keeps little in one piece."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        await log._writer.connection.run(lambda file: file.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST + ROOM))
        log._writer.most = MOST
        yield log


async def test_a_blob_that_is_too_large_is_refused_at_once_and_harms_nothing(small: SqliteLog) -> None:
    """It is not even staged: later appends do not meet it."""
    assert len(await small.get(small.put(b"x" * MOST))) == MOST
    with pytest.raises(BlobTooLarge, match="100,001 bytes"):
        small.put(b"x" * (MOST + 1))
    await small.append(TRIAL, drafts("next"), expected_version=0)
    assert await texts(small) == ["next"]


async def test_a_blob_that_turns_out_to_be_too_large_takes_along_only_who_names_it(small: SqliteLog) -> None:
    """Whatever limit SQLite has at the moment of writing: neighbours in the same batch are kept, and whoever comes."""
    small._writer.most = 1 << 30
    large, little = small.put(b"x" * (MOST + 1)), small.put(b"ls")
    refused: list[str] = []

    async def append(name: str, made: list[Draft]) -> None:
        try:
            await small.append(StreamId("run-1", name), made, expected_version=0)
        except BlobTooLarge:
            refused.append(name)

    async with anyio.create_task_group() as tasks:
        for name in ("a", "b", "c"):
            tasks.start_soon(append, name, asked(large if name == "b" else little))
    assert refused == ["b"]
    await small.append(TRIAL, asked(little), expected_version=0)
    assert (await verify(small)).sound
    assert (await small.head()).position == 3


async def test_an_append_that_just_fits_is_kept(small: SqliteLog) -> None:
    """One byte more does not."""
    ((_, _, payload),) = prepare(drafts(""))
    room = MOST - len(payload)
    await small.append(TRIAL, drafts("x" * room), expected_version=0)
    with pytest.raises(EventRefused, match="100,001 bytes"):
        await small.append(TRIAL, drafts("x" * (room + 1)), expected_version=1)
    assert len(*await texts(small)) == room


async def test_an_append_that_is_too_large_is_refused_alone(small: SqliteLog) -> None:
    """Before it is written, or by SQLite: its neighbours are written one by one then."""
    ends: dict[str, str] = {}

    async def append(name: str, size: int) -> None:
        try:
            await small.append(StreamId("run-1", name), drafts("x" * size), expected_version=0)
        except EventRefused as error:
            ends[name] = error.problem
        else:
            ends[name] = "kept"

    for most in (MOST, 1 << 30):
        small._writer.most = most
        async with anyio.create_task_group() as tasks:
            for name, size in (("a", 10), ("large", MOST + ROOM), ("b", 10)):
                tasks.start_soon(append, f"{name}/{most}", size)
        assert ends[f"a/{most}"] == ends[f"b/{most}"] == "kept"
        assert "an append cannot be written" in ends[f"large/{most}"]
    await small.append(TRIAL, drafts("next"), expected_version=0)
    assert (await verify(small)).sound


@pytest.mark.parametrize(
    "text", ["\0", "a\0b", "\N{GRINNING FACE}", "\x1b[0m", "\u2028", "\N{BYTE ORDER MARK}", '"\\', "\x7f"]
)
async def test_odd_text_is_kept_as_it_is(text: str, tmp_path: Path) -> None:
    """In payloads, in names of streams, and so in causes."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        stream = StreamId("run-1", f"s/{text}")
        await log.append(stream, drafts(text), expected_version=0)
        (first,) = [each async for each in log.read()]
        await log.append(stream, [Draft(said("why"), first.ref)], expected_version=1)
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        assert await texts(log) == [text, "why"]
        assert await log.streams("run-1") == {stream.name: 2}
        assert (await verify(log)).sound


@pytest.mark.parametrize("word", ["\ud800", "x\udfffy"])
async def test_what_is_no_text_is_refused_by_everything_that_takes_text(word: str, tmp_path: Path) -> None:
    """As a shell gives it whose words are not UTF-8. Never a driver's error."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        digest = log.put(b"bytes")
        await log.append(TRIAL, asked(digest), expected_version=0)
        with pytest.raises(StillroomError):
            await log.erase(digest, word)
        with pytest.raises(StillroomError):
            await log.acquire(word, "me", ttl_s=1)
        with pytest.raises(StillroomError):
            await log.acquire("run-1", word, ttl_s=1)
        with pytest.raises(StillroomError):
            await log.streams(word)
        assert await log.get(digest) == b"bytes"
        await log.append(TRIAL, drafts("next"), expected_version=1)
        assert (await verify(log)).sound


async def test_a_file_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    """As on a disk that was mounted read-only: appends are refused with a reason, and reading goes on."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        await log.append(TRIAL, drafts("one"), expected_version=0)
        await log._writer.connection.fetch("PRAGMA query_only = ON")
        for _ in range(2):
            with pytest.raises(LogUnwritable):
                await log.append(TRIAL, drafts("two"), expected_version=1)
        assert await texts(log) == ["one"]
        await log._writer.connection.fetch("PRAGMA query_only = OFF")
        await log.append(TRIAL, drafts("two"), expected_version=1)
        assert await texts(log) == ["one", "two"]


@pytest.mark.slow
async def test_bytes_that_another_process_erased_meanwhile_are_put_again(tmp_path: Path) -> None:
    """A run that knows them to be kept puts them once more, and must not lose them to an erasure it has not seen."""
    path = tmp_path / "log.db"
    async with (
        await SqliteLog.open(path, clock=ticking()) as log,
        await SqliteLog.open(path, clock=ticking()) as other,
    ):
        digest = log.put(NAMES)
        await log.append(ATTEMPT, observed(digest), expected_version=0)
        await other.erase(digest, "asked by Ann")
        log.put(NAMES)
        await log.append(ATTEMPT, observed(digest), expected_version=1)
        assert await log.get(digest) == NAMES
        await log.append(ATTEMPT, observed(digest), expected_version=2)
        assert await log.get(digest) == NAMES
        with pytest.raises(BlobErased):
            await other.get(digest)
        # By another process: to close a file of SQLite's here would drop its locks.
        copied = await anyio.run_process(["sh", "-c", f"cat {path}*"])
    written = copied.stdout
    assert not [start for start in range(0, len(NAMES), 32) if NAMES[start : start + 32] in written]


async def test_a_batch_that_fails_leaves_bytes_that_were_put_again_at_hand(small: SqliteLog) -> None:
    """What was put for it is put for the next one too."""
    digest = small.put(b"known")
    await small.append(TRIAL, asked(digest), expected_version=0)
    small.put(b"known")
    small._writer.most = 1 << 30
    with suppress(EventRefused):
        await small.append(TRIAL, drafts("x" * (MOST + ROOM)), expected_version=1)
    await small.append(TRIAL, asked(digest), expected_version=1)
    assert await small.get(digest) == b"known"
    assert (await verify(small)).sound
