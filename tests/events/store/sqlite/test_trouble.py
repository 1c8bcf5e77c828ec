"""What the file can do to us, and what we then say. Whatever was acknowledged stays."""

import asyncio  # noqa: TID251 - only asyncio itself can cancel in the way of Ctrl-C, through every shield
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import anyio
import pytest

from events.base import Draft, StreamId
from events.errors import BlobErased, LogCorrupt, LogError, LogFull, LogLocked, LogNewer, LogNotOurs
from events.integrity.verify import verify
from events.redaction.redactor import Redactor
from events.store.base import Selection
from events.store.chain import FORMAT
from events.store.group_commit import FULL_BYTES, FULL_ROWS
from events.store.sqlite.schema import APPLICATION_ID
from events.store.sqlite.store import Settings, SqliteLog
from tests.events.samples import SECRETS, TRIAL, drafts, observed, said, spellings, stranger, texts, ticking

IMPATIENT = Settings(patience_s=0.1, poll_s=0.01)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=False, capture_output=True)
    if made.returncode:
        pytest.skip("may not mount here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def killed_at_work(path: Path, *, before: bool) -> None:
    """Leave what a process leaves that is killed in the middle of a transaction, with its journal on the disk."""
    made = path.with_name("made.db")
    with closing(sqlite3.connect(made, isolation_level=None)) as file:
        file.execute("PRAGMA cache_size = 2")
        if before:
            file.execute("CREATE TABLE theirs (x)")
        file.execute("BEGIN")
        file.execute("CREATE TABLE half (x)")
        file.executemany("INSERT INTO half VALUES (?)", [("x" * 3_000,) for _ in range(300)])
        for beside in ("", "-journal"):
            shutil.copy(f"{made}{beside}", f"{path}{beside}")


async def test_a_log_whose_maker_was_killed_is_made_by_the_next_one(tmp_path: Path) -> None:
    """In the moment in which its first page is on the disk, and its journal as well; nothing else is rolled back."""
    killed_at_work(tmp_path / "log.db", before=False)
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        await log.append(TRIAL, drafts("first"), expected_version=0)
        assert await texts(log) == ["first"]
    killed_at_work(tmp_path / "theirs.db", before=True)
    held = (tmp_path / "theirs.db").read_bytes()
    with pytest.raises(LogError):
        await SqliteLog.open(tmp_path / "theirs.db", clock=ticking())
    assert (tmp_path / "theirs.db").read_bytes() == held


async def test_a_full_disk_refuses_appends_until_there_is_room(small_disk: Path) -> None:
    """The error is typed, what was acknowledged is whole, and the same log goes on when there is room."""
    async with await SqliteLog.open(small_disk / "log.db", clock=ticking()) as log:
        await log.append(TRIAL, drafts("before"), expected_version=0)
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * 1_300_000)
        digest = log.put(os.urandom(600_000))
        with pytest.raises(LogFull):
            await log.append(TRIAL, drafts("y" * 400_000), expected_version=1)
        assert await texts(log) == ["before"]
        ballast.unlink()
        await log.append(TRIAL, drafts("after"), expected_version=1)
        assert await texts(log) == ["before", "after"]
        assert len(await log.get(digest)) == 600_000
        assert (await verify(log)).sound


async def test_a_file_at_its_limit_is_full_too(tmp_path: Path) -> None:
    """Neighbours in the same transaction fail with it; each is told, and each may try again."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        await log._writer.connection.fetch("PRAGMA max_page_count = 40")
        ends: list[str] = []

        async def append(number: int) -> None:
            try:
                await log.append(StreamId("run-1", f"s/{number}"), drafts("z" * 100_000), expected_version=0)
            except LogFull:
                ends.append("full")
            else:
                ends.append("kept")

        async with anyio.create_task_group() as tasks:
            for number in range(12):
                tasks.start_soon(append, number)
        assert "full" in ends
        assert sum(await _versions(log)) == ends.count("kept")
        await log._writer.connection.fetch("PRAGMA max_page_count = 4000")
        await log.append(StreamId("run-2", "s"), drafts("fits"), expected_version=0)
        assert (await verify(log)).sound


async def test_what_was_planned_behind_a_failed_batch_is_planned_again(tmp_path: Path) -> None:
    """A batch is given its places before the one ahead of it is written, which may then find no room."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        await log._writer.connection.fetch("PRAGMA max_page_count = 100")
        for stream in ("large", "small"):
            await log.append(StreamId("run-1", stream), drafts("first"), expected_version=0)
        ends: dict[str, bool] = {}

        async def append(stream: str, *texts: str) -> None:
            with suppress(LogFull):
                await log.append(StreamId("run-1", stream), drafts(*texts), expected_version=1)
                ends[stream] = True

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(append, "large", "z" * FULL_BYTES)
            tasks.start_soon(append, "small", *["s"] * FULL_ROWS)
        assert ends == {"small": True}
        assert await log.streams("run-1") == {"large": 1, "small": 1 + FULL_ROWS}
        assert (await verify(log)).sound


async def test_a_locked_file_is_waited_for_and_then_reported(tmp_path: Path) -> None:
    """A database browser with an open transaction: the event loop goes on meanwhile, and so does the log later."""
    path = tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=ticking(), settings=IMPATIENT) as log:
        await log.append(TRIAL, drafts("one"), expected_version=0)
        with stranger(path) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            with pytest.raises(LogLocked):
                await log.append(TRIAL, drafts("two"), expected_version=1)
            assert await texts(log) == ["one"]
            connection.execute("ROLLBACK")
        await log.append(TRIAL, drafts("two"), expected_version=1)
        assert await texts(log) == ["one", "two"]


async def test_a_stopped_writer_of_ours_is_waited_for_and_then_reported(tmp_path: Path) -> None:
    """Holding the lock beside the file, as a process does that was suspended in the middle of a commit."""
    path = tmp_path / "log.db"
    async with (
        await SqliteLog.open(path, clock=ticking(), settings=IMPATIENT) as log,
        await SqliteLog.open(path, clock=ticking(), settings=IMPATIENT) as stopped,
    ):
        with stopped._writer.lock, pytest.raises(LogLocked):
            await log.append(TRIAL, drafts("one"), expected_version=0)
        await log.append(TRIAL, drafts("one"), expected_version=0)


async def test_a_newer_file_is_left_as_it_is(tmp_path: Path) -> None:
    """A version that knows less must not write."""
    path = tmp_path / "log.db"
    await (await SqliteLog.open(path, clock=ticking())).close()
    with stranger(path) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.read_bytes()
    with pytest.raises(LogNewer):
        await SqliteLog.open(path, clock=ticking())
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["text", "other database", "missing", "folder"])
async def test_what_is_no_log_is_left_as_it_is(kind: str, tmp_path: Path) -> None:
    """A person may mistype a name; nothing is made, nothing is changed."""
    path = tmp_path / "file"
    match kind:
        case "text":
            path.write_text("this is not a database, and it is long enough to have a header\n" * 100)
        case "other database":
            with stranger(path) as connection:
                connection.execute("CREATE TABLE mine (x)")
        case "folder":
            path.mkdir()
        case _:
            assert kind == "missing"
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(LogNotOurs):
        await SqliteLog.open(path, clock=ticking(), create=kind != "missing")
    assert (path.read_bytes() if path.is_file() else None) == before
    assert path.exists() == (kind != "missing")


async def test_a_damaged_page_is_named_as_such(tmp_path: Path) -> None:
    """Reading and verifying say so; what stands before it can still be read."""
    path = tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=ticking()) as log:
        for turn in range(100):
            await log.append(TRIAL, drafts(*["x" * 900] * 20), expected_version=20 * turn)
    with stranger(path) as connection:
        ((middle,),) = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = 'events' AND pagetype = 'leaf' LIMIT 1 OFFSET 60"
        ).fetchall() or [(80,)]
    with path.open("r+b") as file:
        file.seek((middle - 1) * 16384)
        file.write(b"\xa5" * 16384)
    async with await SqliteLog.open(path, clock=ticking()) as log:
        with pytest.raises(LogCorrupt):
            await texts(log)
        assert len(await texts(log, Selection(until=100))) == 100
        assert not (await verify(log)).sound


async def test_no_spelling_of_a_secret_reaches_the_disk(tmp_path: Path) -> None:
    """Not in events, blobs, causes of erasure, owners of leases; not in the write-ahead log either."""
    path = tmp_path / "log.db"
    log = await SqliteLog.open(path, clock=ticking(), redactor=Redactor(SECRETS))
    version = 0
    for value in SECRETS.values():
        for spelling in spellings(value):
            text = spelling.decode()
            digest = log.put(b"output: " + spelling + b" and more")
            events = [*drafts(f"it said {text}, then went on", text), *observed(digest)]
            version = (await log.append(TRIAL, events, expected_version=version)).version
        await log.erase(log.put(b"to be erased" + value.encode()), f"held {value}")
        await log.acquire(f"run {version}", f"host {value}", ttl_s=1)
    written = b"".join(file.read_bytes() for file in await _copies(tmp_path))
    await log.close()
    written += path.read_bytes()
    assert b"[secret:OPENAI_API_KEY]" in written
    for value in SECRETS.values():
        assert not [spelling for spelling in spellings(value) if spelling in written]


async def test_erased_bytes_are_gone_from_the_disk(tmp_path: Path) -> None:
    """Forgetting where they are is not enough."""
    path = tmp_path / "log.db"
    marker = os.urandom(40_000)
    async with await SqliteLog.open(path, clock=ticking()) as log:
        digest = log.put(marker)
        await log.append(TRIAL, observed(digest), expected_version=0)
        await log.erase(digest, "found a key in it")
        with pytest.raises(BlobErased):
            await log.get(digest)
        written = b"".join(file.read_bytes() for file in await _copies(tmp_path))
    assert not [start for start in range(0, 40_000, 1000) if marker[start : start + 100] in written]


async def test_staged_blobs_are_written_on_closing(tmp_path: Path) -> None:
    """Even if no event was appended after them."""
    path = tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=ticking()) as log:
        digest = log.put(b"last words")
    async with await SqliteLog.open(path, clock=ticking()) as log:
        assert await log.get(digest) == b"last words"


async def test_ctrl_c_at_any_moment_leaves_a_working_log(tmp_path: Path) -> None:
    """asyncio.run cancels the main task natively, which breaks through shields, also in the middle of a commit."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        for steps in range(30):
            mine, neighbour = StreamId("run-1", f"mine/{steps}"), StreamId("run-1", f"neighbour/{steps}")
            leader = asyncio.ensure_future(log.append(mine, drafts("a", "b"), expected_version=0))
            follower = asyncio.ensure_future(log.append(neighbour, drafts("c", "d"), expected_version=0))
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            leader.cancel()
            await follower
            versions = await log.streams("run-1")
            assert versions.get(mine.name, 0) in {0, 2}
            assert versions[neighbour.name] == 2
            assert leader.done()
            await log.append(mine, drafts("later"), expected_version=versions.get(mine.name, 0))
        assert (await verify(log)).sound


async def test_any_sql_tool_can_read_the_log(tmp_path: Path) -> None:
    """The file is a promise: JSON functions work on payloads, and the view says names."""
    path = tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await log.append(TRIAL, [Draft(said("héllo"), None)], expected_version=0)
        with stranger(path) as connection:
            row = connection.execute(
                "SELECT run, stream, version, tag, json_extract(payload, '$.detail'), time, length(digest) FROM log"
            ).fetchone()
            assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert row == ("run-1", "trial/greet", 1, "sandbox.failed", "héllo", "2023-11-14T22:13:20.000Z", 64)


async def test_a_read_only_folder_is_an_error_of_ours(tmp_path: Path) -> None:
    """Never a driver's."""
    with pytest.raises(LogError):
        await SqliteLog.open(tmp_path / "no" / "such" / "log.db", clock=ticking())


async def _versions(log: SqliteLog) -> list[int]:
    """List the versions of all streams."""
    return [version for run in await log.runs() for version in (await log.streams(run)).values()]


async def _copies(folder: Path) -> list[Path]:
    """Copy what stands on the disk, by another process: closing a file of SQLite's here would drop its locks."""
    copies = folder / "copies"
    copies.mkdir()
    await anyio.run_process(["sh", "-c", f"cp {folder}/log.db* {copies}/"])
    assert (copies / "log.db-wal").exists()
    return sorted(copies.iterdir())
