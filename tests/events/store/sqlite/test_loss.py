"""What others do to a log's files while it is in use: nothing that was acknowledged is lost without a word."""

import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, run

import pytest

from events.errors import ExitCode, LogError, LogLinked, LogLocked, LogLost
from events.integrity.verify import verify
from events.store.sqlite.readonly import SqliteSource
from events.store.sqlite.store import Settings, SqliteLog
from tests.events.samples import TRIAL, drafts, stranger, texts, ticking

ROOT = Path(__file__).parents[4]
IMPATIENT = Settings(patience_s=0.1, poll_s=0.01)


def named(folder: Path, pattern: str) -> list[Path]:
    """List what has such a name."""
    return list(folder.glob(pattern))


def remove(path: Path, *names: str) -> None:
    """Delete what stands beside a log."""
    for name in names:
        Path(f"{path}{name}").unlink()


def appender(path: Path, name: str) -> "Popen[str]":
    """Start a process that appends 40 turns of four tasks."""
    command = [sys.executable, "-m", "tests.events.appender", str(path), name, "40"]
    return Popen(command, cwd=ROOT, stdout=PIPE, stderr=DEVNULL, text=True)


async def other_log(path: Path) -> Path:
    """Make a log that holds something else."""
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await log.append(TRIAL, drafts("another", "history"), expected_version=0)
    return path


def moved(folder: Path) -> Path:
    """Move the folder away."""
    return folder.rename(folder.with_name("elsewhere")) / "log.db"


def moved_and_made_anew(folder: Path) -> Path:
    """Move the folder away, and make another of its name, as a tool does that swaps folders."""
    where = moved(folder)
    folder.mkdir()
    return where


def moved_alone(folder: Path) -> Path:
    """Move the file, and leave behind what stands beside it."""
    return (folder / "log.db").rename(folder / "old.db")


MOVES: dict[str, Callable[[Path], Path]] = {
    "folder moved": moved,
    "folder swapped": moved_and_made_anew,
    "file moved": moved_alone,
}


@pytest.mark.parametrize("how", MOVES)
async def test_a_log_that_is_moved_away_stops_its_writer_and_is_whole_where_it_is(how: str, tmp_path: Path) -> None:
    """It is not written to unseen; the error says where it went, and that is all there was."""
    folder = tmp_path / "kept"
    folder.mkdir()
    log = await SqliteLog.open(folder / "log.db", clock=ticking())
    await log.append(TRIAL, drafts("one"), expected_version=0)
    where = MOVES[how](folder)
    with pytest.raises(LogLost, match="moved away"):
        await log.append(TRIAL, drafts("two"), expected_version=1)
    with pytest.raises(LogLost, match="moved away") as caught:
        await log.append(TRIAL, drafts("two"), expected_version=1)
    assert caught.value.exit_code == ExitCode.INTEGRITY
    assert str(where) in caught.value.remedy
    with pytest.raises(LogLost):
        await log.close()
    async with await SqliteLog.open(where, clock=ticking()) as found:
        assert await texts(found) == ["one"]
        assert (await verify(found)).sound


def deleted(folder: Path) -> None:
    """As `rm` does."""
    (folder / "log.db").unlink()


def deleted_with_its_folder(folder: Path) -> None:
    """As `git clean -fdx` does."""
    shutil.rmtree(folder)


def replaced(folder: Path) -> None:
    """As rsync, git and editors do: a new file takes the name."""
    shutil.copy(folder.parent / "other.db", folder / "new.db")
    (folder / "new.db").rename(folder / "log.db")


REMOVALS: dict[str, Callable[[Path], None]] = {
    "deleted": deleted,
    "folder deleted": deleted_with_its_folder,
    "replaced": replaced,
}


@pytest.mark.parametrize("how", REMOVALS)
@pytest.mark.parametrize("when", ["append", "renew", "close"])
async def test_a_log_that_is_deleted_is_saved_by_its_writer(how: str, when: str, tmp_path: Path) -> None:
    """What was acknowledged is in no file any more, but the process still has it; at whatever moment it notices."""
    folder = tmp_path / "kept"
    folder.mkdir()
    await other_log(tmp_path / "other.db")
    other = (tmp_path / "other.db").read_bytes()
    log = await SqliteLog.open(folder / "log.db", clock=ticking())
    fence = await log.acquire("run-1", "me", ttl_s=30)
    digest = log.put(b"bytes that an agent printed")
    await log.append(TRIAL, drafts("one", "two"), expected_version=0, fence=fence)
    REMOVALS[how](folder)
    noticing: dict[str, Callable[[], Awaitable[object]]] = {
        "append": lambda: log.append(TRIAL, drafts("three"), expected_version=2, fence=fence),
        "renew": lambda: log.renew(fence, ttl_s=30),
        "close": log.close,
    }
    with pytest.raises(LogLost, match="deleted or replaced") as caught:
        await noticing[when]()
    (saved,) = named(tmp_path, "**/log.db.saved-*")
    assert f"saved as {saved}" in caught.value.remedy
    if when != "close":
        with pytest.raises(LogLost):
            await log.close()
    if how == "replaced":
        assert (folder / "log.db").read_bytes() == other
    async with await SqliteLog.open(saved, clock=ticking()) as found:
        assert await texts(found) == ["one", "two"]
        assert await found.get(digest) == b"bytes that an agent printed"
        assert (await verify(found)).sound
        await found.append(TRIAL, drafts("three"), expected_version=2)


async def test_a_log_that_was_only_looked_at_may_go(tmp_path: Path) -> None:
    """Whoever wrote nothing has lost nothing, and saves nothing."""
    path = await other_log(tmp_path / "log.db")
    async with await SqliteLog.open(path, clock=ticking()) as log:
        assert await texts(log) == ["another", "history"]
        path.unlink()
    assert not named(tmp_path, "*saved*")


def copied_over(path: Path) -> bytes:
    """As `cp` does: the same file, other bytes."""
    run(["cp", path.parent / "other.db", path], check=True)
    return (path.parent / "other.db").read_bytes()


def cut_off(path: Path) -> bytes:
    """As `: > log.db` does."""
    os.truncate(path, 0)
    return b""


def halved(path: Path) -> bytes:
    """As a disk or a tool may do that stops in the middle."""
    os.truncate(path, path.stat().st_size // 2 // 16384 * 16384)
    return copied(path)


def zeroed(path: Path) -> None:
    """As a disk may do that fails: pages in the middle of a file are empty."""
    zeros = ["bs=16384", "seek=4", "count=4", "conv=notrunc", "status=none"]
    run(["dd", "if=/dev/zero", f"of={path}", *zeros], check=True)


def copied(path: Path) -> bytes:
    """Read a log's file by another process: to close it here would drop the locks that SQLite holds on it."""
    run(["cp", path, path.with_name("bytes")], check=True)
    return path.with_name("bytes").read_bytes()


SPOILS: dict[str, Callable[[Path], bytes]] = {"copied over": copied_over, "cut off": cut_off, "halved": halved}


@pytest.mark.parametrize("how", SPOILS)
@pytest.mark.parametrize("when", ["append", "close"])
async def test_a_log_that_is_overwritten_is_not_written_to(how: str, when: str, tmp_path: Path) -> None:
    """The file has its name and its inode still; what a person put there stays as it was put."""
    path = tmp_path / "log.db"
    await other_log(tmp_path / "other.db")
    log = await SqliteLog.open(path, clock=ticking())
    for version in range(0, 40, 2):
        await log.append(TRIAL, drafts("x" * 20_000, "y" * 20_000), expected_version=version)
    await log.checkpoint()
    await log.append(TRIAL, drafts("last"), expected_version=40)
    put = SPOILS[how](path)
    noticing: dict[str, Callable[[], Awaitable[object]]] = {
        "append": lambda: log.append(TRIAL, drafts("more"), expected_version=41),
        "close": log.close,
    }
    with pytest.raises(LogLost, match="overwritten or cut off") as caught:
        await noticing[when]()
    if when == "append":
        with pytest.raises(LogLost):
            await log.close()
    assert path.read_bytes() == put
    (aside,) = named(tmp_path, "log.db-wal.*")
    assert str(aside) in caught.value.remedy
    assert b"last" in aside.read_bytes()


async def test_an_older_copy_put_over_a_log_is_no_log_with_a_hole(tmp_path: Path) -> None:
    """What lies in the write-ahead log fits it at both ends; what was moved into the file in between is gone."""
    path, copy = tmp_path / "log.db", tmp_path / "other.db"
    log = await SqliteLog.open(path, clock=ticking())
    for version in range(100):
        await log.append(TRIAL, drafts("x" * 2_000), expected_version=version)
        if version == 50:
            await log.checkpoint()
            copy.write_bytes(copied(path))
    await log.checkpoint()
    await log.append(TRIAL, drafts("last"), expected_version=100)
    put = copied_over(path)
    with pytest.raises(LogLost):
        await log.append(TRIAL, drafts("more"), expected_version=101)
    with pytest.raises(LogLost):
        await log.close()
    assert path.read_bytes() == put


async def test_a_change_of_ours_explains_no_other_that_follows_it(tmp_path: Path) -> None:
    """Another process of ours has moved all into the file, and said so; then pages in its middle are overwritten."""
    path = tmp_path / "log.db"
    log = await SqliteLog.open(path, clock=ticking())
    for version in range(100):
        await log.append(TRIAL, drafts("x" * 2_000), expected_version=version)
    other = await SqliteLog.open(path, clock=ticking())
    await other.checkpoint()
    zeroed(path)
    try:
        with pytest.raises(LogLost):
            await log.append(TRIAL, drafts("more"), expected_version=100)
    finally:
        for each in (log, other):
            with suppress(LogError):
                await each.close()


async def test_what_still_lies_in_the_write_ahead_log_survives_what_is_put_over_the_file(tmp_path: Path) -> None:
    """Nothing was in the file that is not there too."""
    path = tmp_path / "log.db"
    await other_log(tmp_path / "other.db")
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await log.append(TRIAL, drafts("one"), expected_version=0)
        copied_over(path)
        await log.append(TRIAL, drafts("two"), expected_version=1)
    async with await SqliteLog.open(path, clock=ticking()) as log:
        assert await texts(log) == ["one", "two"]
        assert (await verify(log)).sound


@pytest.mark.parametrize("name", ["-wal", "-shm"])
async def test_what_stands_beside_a_log_may_not_go(name: str, tmp_path: Path) -> None:
    """Another process would make it anew, and the two would write past each other. What was recorded is kept."""
    path = tmp_path / "log.db"
    log = await SqliteLog.open(path, clock=ticking())
    await log.append(TRIAL, drafts("one"), expected_version=0)
    remove(path, name)
    with pytest.raises(LogLost, match=name):
        await log.append(TRIAL, drafts("two"), expected_version=1)
    with pytest.raises(LogLost):
        await log.close()
    async with await SqliteLog.open(path, clock=ticking()) as again:
        assert await texts(again) == ["one"]
        assert (await verify(again)).sound


async def test_a_log_that_ends_earlier_than_it_did_was_tampered_with(tmp_path: Path) -> None:
    """Somebody who knows SQL takes back what was acknowledged: going on from there would hide it."""
    path = tmp_path / "log.db"
    log = await SqliteLog.open(path, clock=ticking())
    await log.append(TRIAL, drafts("one", "two"), expected_version=0)
    with stranger(path) as connection:
        connection.execute("DROP TRIGGER events_stay")
        connection.execute("DELETE FROM events WHERE position = 2")
    with pytest.raises(LogLost):
        await log.append(TRIAL, drafts("three"), expected_version=2)
    with pytest.raises(LogLost):
        await log.close()


async def test_checkpoints_of_others_are_no_loss(tmp_path: Path) -> None:
    """Neither those of our own processes nor a stranger's: the file changes, and holds what it held."""
    path = tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=ticking()) as log:
        for version in range(6):
            await log.append(TRIAL, drafts(f"{version}"), expected_version=version)
            if version % 2:
                async with await SqliteLog.open(path, clock=ticking()) as other:
                    await other.checkpoint()
            else:
                with stranger(path) as connection:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert len(await texts(log)) == 6


async def test_locks_that_were_deleted_are_made_again(tmp_path: Path) -> None:
    """And exclude others as before: who made them first does not go on with locks that have no name."""
    path = tmp_path / "log.db"
    async with (
        await SqliteLog.open(path, clock=ticking(), settings=IMPATIENT) as log,
        await SqliteLog.open(path, clock=ticking(), settings=IMPATIENT) as other,
    ):
        await log.append(TRIAL, drafts("one"), expected_version=0)
        remove(path, "-writer", "-queue")
        with other._writer.lock, pytest.raises(LogLocked):
            await log.append(TRIAL, drafts("two"), expected_version=1)
        await log.append(TRIAL, drafts("two"), expected_version=1)
        await other.append(TRIAL, drafts("three"), expected_version=2)
        assert await texts(log) == ["one", "two", "three"]


async def test_a_link_to_a_log_takes_the_lock_of_the_log(tmp_path: Path) -> None:
    """Two names, one file: whoever writes through one waits for who writes through the other."""
    path, link = tmp_path / "log.db", tmp_path / "links" / "latest.db"
    link.parent.mkdir()
    link.symlink_to(path)
    async with (
        await SqliteLog.open(link, clock=ticking(), settings=IMPATIENT) as one,
        await SqliteLog.open(path, clock=ticking(), settings=IMPATIENT) as two,
    ):
        with two._writer.lock, pytest.raises(LogLocked):
            await one.append(TRIAL, drafts("one"), expected_version=0)
        await one.append(TRIAL, drafts("one"), expected_version=0)
        await two.append(TRIAL, drafts("two"), expected_version=1)
    assert list(link.parent.iterdir()) == [link]
    async with await SqliteSource.open_source(link) as source:
        assert (await source.head()).position == 2


async def test_processes_that_write_through_two_names_take_turns(tmp_path: Path) -> None:
    """As `test_two_processes_write_to_one_file`, one of them through a link to the folder."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    started = [appender(tmp_path / "kept/log.db", "one"), appender(tmp_path / "link/log.db", "two")]
    told = [process.communicate(timeout=50)[0].splitlines() for process in started]
    assert [len(each) for each in told] == [160, 160]
    async with await SqliteLog.open(tmp_path / "kept/log.db", clock=ticking()) as log:
        assert (await log.head()).position == 2 * 160 * 3
        assert (await verify(log)).sound


async def test_a_file_with_two_names_is_refused(tmp_path: Path) -> None:
    """By hard links: SQLite keeps a write-ahead log for each name, and they know nothing of each other."""
    path, twin = tmp_path / "log.db", tmp_path / "twin.db"
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await log.append(TRIAL, drafts("one"), expected_version=0)
        twin.hardlink_to(path)
        for name in (path, twin):
            with pytest.raises(LogLinked):
                await SqliteLog.open(name, clock=ticking())
            with pytest.raises(LogLinked):
                await SqliteSource.open_source(name)
        await log.append(TRIAL, drafts("two"), expected_version=1)
        twin.unlink()
    async with await SqliteLog.open(path, clock=ticking()) as log:
        assert await texts(log) == ["one", "two"]
