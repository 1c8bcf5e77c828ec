"""Several processes, several connections, and the death of some of them."""

import sqlite3
import sys
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL
from subprocess import DEVNULL, PIPE, Popen

import anyio
import pytest

from events.base import Draft, Ref
from events.errors import FenceLost, VersionConflict
from events.integrity.verify import verify
from events.store.base import Selection
from events.store.sqlite.store import Settings, SqliteLog
from tests.events.samples import ATTEMPT, TRIAL, drafts, everything, said, stranger, texts, ticking

ROOT = Path(__file__).parents[4]


def appender(path: Path, name: str, turns: int) -> "Popen[str]":
    """Start a process that appends."""
    command = [sys.executable, "-m", "tests.events.appender", str(path), name, str(turns)]
    return Popen(command, cwd=ROOT, stdout=PIPE, stderr=DEVNULL, text=True)


async def check(path: Path, acknowledged: list[str]) -> None:
    """See that a log is sound and holds whatever was acknowledged."""
    async with await SqliteLog.open(path, clock=ticking()) as log:
        assert (await verify(log)).sound
        streams = await log.streams("run-1")
        kept = {(each.position, each.stream.name, each.version) for each in await everything(log)}
    for line in acknowledged:
        first, name, version = line.split()
        assert (int(first) + 2, name, int(version)) in kept
    assert all(version % 3 == 0 for version in streams.values())


@pytest.mark.parametrize("lines", [1, 40, 400])
async def test_a_killed_writer_loses_nothing_it_acknowledged(lines: int, tmp_path: Path) -> None:
    """Kill -9 in the middle of appending: what was acknowledged is there, and each append whole or absent."""
    path = tmp_path / "log.db"
    with appender(path, "killed", 0) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(SIGKILL)
        # The last line may be torn.
        acknowledged += process.stdout.read().splitlines()[:-1]
    assert len(acknowledged) >= lines
    await check(path, acknowledged)


@pytest.mark.slow
async def test_two_processes_write_to_one_file(tmp_path: Path) -> None:
    """They take turns: one order, one chain, and nothing of either is lost."""
    path = tmp_path / "log.db"
    with appender(path, "one", 150) as one, appender(path, "two", 150) as two:
        said_one, said_two = one.communicate(timeout=50)[0], two.communicate(timeout=50)[0]
    assert (one.returncode, two.returncode) == (0, 0)
    await check(path, said_one.splitlines() + said_two.splitlines())
    assert len(said_one.splitlines()) == len(said_two.splitlines()) == 600


async def test_a_file_whose_making_was_interrupted_is_made_again(tmp_path: Path) -> None:
    """The first page is written before the tables are."""
    path = tmp_path / "log.db"
    with stranger(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert path.stat().st_size > 0
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await log.append(TRIAL, drafts("one"), expected_version=0)


async def test_two_logs_on_one_file_notice_each_other(tmp_path: Path) -> None:
    """Streams, leases and followers, whoever writes."""
    path, settings = tmp_path / "log.db", Settings(poll_s=0.01)
    async with (
        await SqliteLog.open(path, clock=ticking()) as one,
        await SqliteLog.open(path, clock=ticking(), settings=settings) as two,
    ):
        fence = await one.acquire("run-1", "one", ttl_s=60)
        await one.append(TRIAL, drafts("1"), expected_version=0, fence=fence)
        await two.append(TRIAL, drafts("2"), expected_version=1)
        await one.append(TRIAL, [Draft(said("3"), Ref("trial/greet", 2))], expected_version=2, fence=fence)
        with pytest.raises(VersionConflict):
            await two.append(TRIAL, drafts("late"), expected_version=2)
        await two.acquire("run-1", "two", ttl_s=60, take_over=fence.token)
        with pytest.raises(FenceLost):
            await one.append(TRIAL, drafts("taken over"), expected_version=3, fence=fence)
        seen: list[str] = []
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:

                async def follow() -> None:
                    seen.extend([each.payload.decode() async for each in two.follow(Selection(until=5))])

                tasks.start_soon(follow)
                for version in (3, 4):
                    await anyio.sleep(0.03)
                    await one.append(TRIAL, drafts("more"), expected_version=version)
        assert len(seen) == 5
        assert (await verify(two)).sound


async def test_a_stream_that_another_log_began_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    """A first append to a stream is planned as if it were new, without a look: the writing must see that it is not."""
    # Given a stream that one log began, and another log that knows the end of the file, but not this stream
    path = tmp_path / "log.db"
    async with (
        await SqliteLog.open(path, clock=ticking()) as one,
        await SqliteLog.open(path, clock=ticking()) as two,
    ):
        fence = await one.acquire("run-1", "one", ttl_s=60)
        await one.append(TRIAL, drafts("1"), expected_version=0, fence=fence)
        await two.append(ATTEMPT, drafts("a"), expected_version=0)
        # When the other would begin it as well, and when it would with a lease that is not its own
        with pytest.raises(VersionConflict) as caught:
            await two.append(TRIAL, drafts("again"), expected_version=0)
        await two.append(ATTEMPT, drafts("b"), expected_version=1)
        with pytest.raises(FenceLost):
            await two.append(TRIAL, drafts("stale"), expected_version=0, fence=fence._replace(token=fence.token + 1))
        # Then it is told where the stream stands, and goes on from there
        assert (caught.value.expected, caught.value.actual) == (0, 1)
        await two.append(TRIAL, drafts("2"), expected_version=1, fence=fence)
        read = [each async for each in one.read(Selection())]
        assert [(each.stream, each.version) for each in read] == [(TRIAL, 1), (ATTEMPT, 1), (ATTEMPT, 2), (TRIAL, 2)]
        assert (await verify(two)).sound


async def test_readers_see_what_is_committed_while_others_write(tmp_path: Path) -> None:
    """A page never shows half an append, and reading never waits for writing."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        lengths: list[int] = []

        async def write() -> None:
            for turn in range(60):
                await log.append(TRIAL, drafts("a", "b", "c"), expected_version=3 * turn)

        async def read() -> None:
            while not lengths or lengths[-1] < 180:
                lengths.append(len(await texts(log)))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            tasks.start_soon(read)
    assert all(length % 3 == 0 for length in lengths)
    assert lengths == sorted(lengths)


async def test_a_waiting_follower_does_not_keep_the_write_ahead_log(tmp_path: Path) -> None:
    """Elsewhere a long-lived reader made it grow to 5 GB: ours holds no transaction while it waits."""
    path = tmp_path / "log.db"
    seen, seen_all = 0, anyio.Event()
    async with await SqliteLog.open(path, clock=ticking()) as log, anyio.create_task_group() as tasks:

        async def follow() -> None:
            nonlocal seen
            async for _ in log.follow():
                seen += 1
                if seen == 400:
                    seen_all.set()

        tasks.start_soon(follow)
        for turn in range(20):
            await log.append(TRIAL, drafts(*["x" * 1000] * 20), expected_version=20 * turn)
        await seen_all.wait()
        assert path.with_name("log.db-wal").stat().st_size > 400_000
        await log.checkpoint()
        assert path.with_name("log.db-wal").stat().st_size == 0
        tasks.cancel_scope.cancel()
    assert seen == 400


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET payload = '{}' WHERE position = 1",
        "DELETE FROM events WHERE position = 2",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT 1, stream, version, tag, cause, at, '{}', digest FROM events LIMIT 1",
        "INSERT OR REPLACE INTO events SELECT 3, stream, version, tag, cause, at, '{}', digest FROM events LIMIT 1",
        "REPLACE INTO events SELECT position, stream, 9, tag, cause, at, '{}', digest FROM events LIMIT 1",
        "INSERT INTO events SELECT 4, stream, 3, tag, cause, at, '{}', digest FROM events LIMIT 1",
        "INSERT INTO events SELECT 3, stream, 4, tag, cause, at, '{}', digest FROM events LIMIT 1",
        "UPDATE streams SET name = 'other'",
        "DELETE FROM streams",
        "INSERT OR REPLACE INTO streams VALUES (1, 'run-1', 'other')",
        "INSERT OR REPLACE INTO streams VALUES (2, 'run-1', 'trial/greet')",
        "DELETE FROM blobs",
        "UPDATE blobs SET data = CAST('other' AS BLOB)",
        "UPDATE blobs SET data = NULL",
        "INSERT OR REPLACE INTO blobs SELECT digest, 1, 'raw', CAST('x' AS BLOB), NULL, NULL FROM blobs",
        "INSERT OR REPLACE INTO blobs (rowid, digest, size, encoding, data) VALUES (1, zeroblob(32), 1, 'raw', 'x')",
    ],
)
async def test_a_stranger_cannot_change_history(statement: str, tmp_path: Path) -> None:
    """Not by accident: neither with UPDATE and DELETE, nor with REPLACE, which wakes no trigger for deletes."""
    path = tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=ticking()) as log:
        log.put(b"a blob")
        await log.append(TRIAL, drafts("one", "two"), expected_version=0)
        with stranger(path) as connection:
            before = list(connection.iterdump())
            # By a trigger, a constraint, a type; or nothing happens, as for bytes that are there already.
            with suppress(sqlite3.Error):
                connection.execute(statement)
            assert list(connection.iterdump()) == before
        assert (await verify(log)).sound
