"""One connection to a log's file. The one place where the driver's errors become ours."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import aiosqlite

from events.errors import EventRefused, LogClosed, LogCorrupt, LogError, LogFull, LogLocked, LogNotOurs, LogUnwritable

Params = Iterable[Any]

_T = TypeVar("_T")

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA}
"""Statements of ours are right, so one that does not fit (``SQLITE_ERROR``) met a table that is not."""
_UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class Connection:
    """Runs SQL on a thread of its own, in the order in which it was asked to; text comes back as bytes."""

    def __init__(self, driver: aiosqlite.Connection, path: Path, patience_s: float) -> None:
        self.path = path
        self._driver = driver
        self._patience_s = patience_s
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, mode: str, patience_s: float) -> "Connection":
        """Connect to a file.

        Args:
            path: The file.
            mode: ``ro``, ``rw``, or ``rwc``, which may create it.
            patience_s: Seconds to wait for another program's lock.

        Raises:
            LogNotOurs: It cannot be opened.
        """
        failure: list[sqlite3.Error] = []

        def connect() -> sqlite3.Connection:
            try:
                return sqlite3.connect(
                    _uri(path, mode), uri=True, timeout=patience_s, isolation_level=None, cached_statements=256
                )
            except sqlite3.Error as error:
                failure.append(error)
                return sqlite3.connect(":memory:")

        # After a failure to connect, aiosqlite leaves its thread to end by itself, and that thread then met an event
        # loop that was closed. So it always connects to something, which we can close and wait for.
        driver = await aiosqlite.Connection(connect, iter_chunk_size=64)
        if failure:
            await driver.close()
            raise LogNotOurs(str(path), str(failure[0])) from failure[0]
        # Payloads are handled as the bytes they are; decoding every text to check it again costs 10 % of a replay.
        driver.text_factory = bytes
        return cls(driver, path, patience_s)

    async def run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run a function on the connection's thread, after all that it was asked before.

        Once asked, it is carried out, whatever becomes of the caller. Each trip to the thread and back costs as much
        as several inserts, so a whole transaction is one function.

        Raises:
            LogError: The file failed us, by kind; and whatever the function raises.
        """

        def translated() -> _T:
            with self.errors():
                return work(self._driver._conn)  # noqa: SLF001 - see below

        self._check_open()
        # What all methods of aiosqlite do, one statement at a time; it has no public name for doing it with several.
        result: _T = await self._driver._execute(translated)  # type: ignore[no-untyped-call]  # noqa: SLF001
        return result

    async def fetch(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """Run one statement to its end and give its rows.

        Raises:
            LogError: The file failed us, by kind.
        """
        self._check_open()
        with self.errors():
            rows = await self._driver.execute_fetchall(sql, params)
        assert isinstance(rows, list)
        return rows

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn the driver's errors into ours."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._translate(error) from error
        except UnicodeDecodeError as error:  # of SQLite's own message, which quotes the file
            raise LogCorrupt(
                str(self.path), f"SQLite says so in words that are no UTF-8: {error.object[:200]!r}"
            ) from error
        except (UnicodeEncodeError, OverflowError) as error:
            raise EventRefused("a value", f"SQLite cannot keep it: {error}") from error

    async def close(self) -> None:
        """Let go of the file and end the thread. Twice is fine."""
        self._closed = True
        await self._driver.close()

    def _check_open(self) -> None:
        """Refuse when closed; the driver would raise ValueError."""
        if self._closed:
            raise LogClosed

    def _translate(self, error: sqlite3.Error) -> LogError:
        """Say what an error of SQLite means for a log."""
        extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        path, code = str(self.path), extended & 0xFF
        if code in _LOCKED:
            return LogLocked(path, self._patience_s)
        if code in _FULL or extended in _FULL:
            return LogFull(path)
        if code == sqlite3.SQLITE_TOOBIG:
            return EventRefused("an append", f"SQLite cannot keep it: {error}")
        if code in _DAMAGED:
            return LogCorrupt(path, str(error))
        if code in _UNWRITABLE:
            return LogUnwritable(path, str(error))
        return LogError(
            f"SQLite failed on {path}: {error}",
            remedy="everything acknowledged is safe; look for a full or broken disk, or a file that is read-only",
        )


def checked(path: str, rows: Iterable[tuple[Any, ...]], *kinds: Any) -> list[tuple[Any, ...]]:
    """Give rows whose columns are of these types, as the tables promise; a damaged file keeps no promise.

    Raises:
        LogCorrupt: One is not.
    """
    made = list(rows)
    if not all(all(map(isinstance, row, kinds)) for row in made):
        raise LogCorrupt(path, "a column holds a value of another type")
    return made


def text(value: Any) -> str:
    """Read a text, whatever bytes a damaged file holds in its place."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _uri(path: Path, mode: str) -> str:
    """Name a file as SQLite wants it, so that it does not make one where there was none."""
    return f"file:{quote(str(path.absolute()))}?mode={mode}"
