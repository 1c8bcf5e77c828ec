"""Opening a file: refuse what is not ours before anything is changed, create what is not there."""

import sqlite3
from pathlib import Path

from anyio import CancelScope
from anyio import Path as AsyncPath

from events.chain import FORMAT
from events.log_errors import LogCorrupt, LogNewer, LogNotOurs
from events.sqlite_connection import Connection
from events.sqlite_lock import FileLock
from events.sqlite_schema import APPLICATION_ID, BEFORE_CREATION, READER, SCHEMA, WRITER


async def open_writer(path: Path, lock: FileLock, *, patience_s: float, create: bool) -> Connection:
    """Connect for writing, and make the tables if the file is new.

    Raises:
        LogNotOurs: There is no such file and `create` is not given, or it is another program's.
        LogNewer: It was written by a later version.
        LogLocked: Another program holds it.
    """
    if await AsyncPath(path).exists():
        # A connection that could write would already checkpoint a stranger's file when it closes.
        await _refuse_strangers(path, patience_s)
    elif not create:
        raise LogNotOurs(str(path), "there is no such file")
    writer = await Connection.open(path, mode="rwc" if create else "rw", patience_s=patience_s)

    def set_up(file: sqlite3.Connection) -> None:
        with lock:
            _create_if_empty(file)
            for pragma in WRITER:
                file.execute(pragma)

    try:
        await writer.run(set_up)
    except BaseException:
        with CancelScope(shield=True):
            await writer.close()
        raise
    return writer


async def open_reader(path: Path, *, patience_s: float) -> Connection:
    """Connect for reading only."""
    reader = await Connection.open(path, mode="ro", patience_s=patience_s)
    try:
        for pragma in READER:
            await reader.fetch(pragma)
    except BaseException:
        await reader.close()
        raise
    return reader


def _create_if_empty(file: sqlite3.Connection) -> None:
    """Make the tables in a file without any."""
    if _is_empty(file):
        for pragma in BEFORE_CREATION:
            file.execute(pragma)
        file.executescript(SCHEMA)


async def _refuse_strangers(path: Path, patience_s: float) -> None:
    """Look at the marks in a file's header, and touch nothing."""
    probe = await Connection.open(path, mode="ro", patience_s=patience_s)
    try:
        # In this order: another process may make the tables between two of these, and the marks with them.
        empty = await probe.run(_is_empty)
        ((application,),) = await probe.fetch("PRAGMA application_id")
        ((found,),) = await probe.fetch("PRAGMA user_version")
    except LogCorrupt as error:
        raise LogNotOurs(str(path), error.problem) from error
    finally:
        await probe.close()
    if empty:
        return
    if application != APPLICATION_ID:
        raise LogNotOurs(str(path), "another program made it")
    if found > FORMAT:
        raise LogNewer(str(path), found=found, known=FORMAT)


def _is_empty(file: sqlite3.Connection) -> bool:
    """Say whether a file has no tables: it is new, another process is about to make them, or died before it did.

    Its pages say less: turning on the write-ahead log writes the first one (two processes that opened a new file at
    once met here, and one took it for a stranger's).
    """
    ((tables,),) = file.execute("SELECT count(*) FROM sqlite_schema")
    return bool(tables == 0)
