"""Opening a file: refuse what is not ours before anything is changed, create what is not there."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from anyio import CancelScope, to_thread
from anyio import Path as AsyncPath

from events.errors import LogCorrupt, LogNewer, LogNotOurs, LogUnwritable
from events.store.chain import FORMAT
from events.store.sqlite.connection import Connection
from events.store.sqlite.identity import FileIdentity, refuse_links
from events.store.sqlite.lock import FileLock
from events.store.sqlite.schema import APPLICATION_ID, BEFORE_CREATION, READER, SCHEMA, WRITER

_JOURNAL: Final = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
"""With which SQLite's journals begin."""
_JOURNAL_PAGES: Final = slice(16, 20)
"""Where such a journal says how many pages the file had before."""
UNWRITABLE = "ro&immutable=1"
"""How SQLite opens a file in a folder where it can make no lock: nobody else can write there either."""


async def open_writer(
    path: Path, lock: FileLock, *, patience_s: float, create: bool, clock: Callable[[], int]
) -> tuple[Connection, FileIdentity]:
    """Connect for writing, and make the tables if the file is new. Say which file it is, too.

    Raises:
        LogNotOurs: There is no such file and `create` is not given, or it is another program's.
        LogNewer: It was written by a later version.
        LogLinked: It has several names.
        LogLocked: Another program holds it.
    """
    if await AsyncPath(path).exists():
        refuse_links(path, await AsyncPath(path).stat())
        # A connection that could write would already checkpoint a stranger's file when it closes.
        await _refuse_strangers(path, patience_s)
    elif not create:
        raise LogNotOurs(str(path), "the file does not exist")
    writer = await Connection.open(path, mode="rwc" if create else "rw", patience_s=patience_s)

    def set_up(file: sqlite3.Connection) -> FileIdentity:
        with lock:
            _create_if_empty(file)
            for pragma in WRITER:
                file.execute(pragma)
            return FileIdentity(path, lock, clock)

    try:
        identity = await writer.run(set_up)
    except BaseException:
        with CancelScope(shield=True):
            await writer.close()
        raise
    return writer, identity


async def open_reader(path: Path, *, patience_s: float, mode: str = "ro") -> Connection:
    """Connect for reading only."""
    reader = await Connection.open(path, mode=mode, patience_s=patience_s)
    try:
        # The last of them makes it hold the file from now on, so that no other connection takes itself for the last.
        for statement in (*READER, "SELECT count(*) FROM sqlite_schema"):
            await reader.fetch(statement)
    except BaseException:
        await reader.close()
        raise
    return reader


async def open_source(path: Path, *, patience_s: float) -> Connection:
    """Connect for reading only, to a file that nobody here writes to.

    Raises:
        LogNotOurs: There is no such file, it holds nothing, or it is another program's.
        LogLinked: It has several names.
        LogNewer: It was written by a later version.
    """
    if not await AsyncPath(path).is_file():
        raise LogNotOurs(str(path), "the file does not exist")
    refuse_links(path, await AsyncPath(path).stat())
    mode = await _reading_mode(path)
    if await _refuse_strangers(path, patience_s, mode):
        raise LogNotOurs(str(path), "it is empty")
    return await open_reader(path, patience_s=patience_s, mode=mode)


async def _reading_mode(path: Path) -> str:
    """Say how a file can be read; what was not moved out of its write-ahead log yet must not be overlooked."""
    beside = AsyncPath(f"{path}-wal")
    unmoved = await beside.exists() and (await beside.stat()).st_size
    return "ro" if unmoved or os.access((await AsyncPath(path).absolute()).parent, os.W_OK) else UNWRITABLE


def _create_if_empty(file: sqlite3.Connection) -> None:
    """Make the tables in a file without any."""
    if _is_empty(file):
        for pragma in BEFORE_CREATION:
            file.execute(pragma)
        file.executescript(SCHEMA)


async def _refuse_strangers(path: Path, patience_s: float, mode: str = "ro") -> bool:
    """Look at the marks in a file's header, and touch nothing. Say whether it is empty."""
    probe = await Connection.open(path, mode=mode, patience_s=patience_s)
    try:
        # In this order: another process may make the tables between two of these, and the marks with them.
        empty = await probe.run(_is_empty)
        ((application,),) = await probe.fetch("PRAGMA application_id")
        ((found,),) = await probe.fetch("PRAGMA user_version")
    except LogCorrupt as error:
        raise LogNotOurs(str(path), error.problem) from error
    except LogUnwritable:
        # Whoever died as it made the file left a journal, by which the next one that writes empties it.
        if await to_thread.run_sync(_was_being_made, path):
            return True
        raise
    finally:
        await probe.close()
    if empty:
        return True
    if application != APPLICATION_ID:
        raise LogNotOurs(str(path), "another program made it")
    if found > FORMAT:
        raise LogNewer(str(path), found=found, known=FORMAT)
    return False


def _was_being_made(path: Path) -> bool:
    """Say whether the journal beside a file says that the file had no page before."""
    try:
        with Path(f"{path}-journal").open("rb") as file:
            head = file.read(_JOURNAL_PAGES.stop)
    except OSError:
        return False
    return head.startswith(_JOURNAL) and head[_JOURNAL_PAGES] == bytes(4)


def _is_empty(file: sqlite3.Connection) -> bool:
    """Say whether a file has no tables: it is new, another process is about to make them, or died before it did.

    Its pages say less: turning on the write-ahead log writes the first one (two processes that opened a new file at
    once met here, and one took it for a stranger's).
    """
    ((tables,),) = file.execute("SELECT count(*) FROM sqlite_schema")
    return bool(tables == 0)
