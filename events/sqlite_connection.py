"""One connection to a log's file. The one place where the driver's errors become ours."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiosqlite

from events.log_errors import LogClosed, LogCorrupt, LogError, LogFull, LogLocked, LogNotOurs

Params = Iterable[Any]

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class Connection:
    """Runs SQL on a thread of its own; text comes back as bytes.

    The driver begins a transaction (IMMEDIATE) before a statement that writes, unless it is in one.
    """

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
                    _uri(path, mode), uri=True, timeout=patience_s, isolation_level="IMMEDIATE", cached_statements=256
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

    async def fetch(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """Run one statement to its end and give its rows.

        Raises:
            LogError: The file failed us, by kind.
        """
        self._check_open()
        try:
            rows = await self._driver.execute_fetchall(sql, params)
        except sqlite3.Error as error:
            raise self._translate(error) from error
        assert isinstance(rows, list)
        return rows

    async def many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run one statement for each row, in one go on the thread."""
        self._check_open()
        try:
            await self._driver.executemany(sql, rows)
        except sqlite3.Error as error:
            raise self._translate(error) from error

    async def script(self, sql: str) -> None:
        """Run a script that brings its own transaction."""
        self._check_open()
        try:
            await self._driver.executescript(sql)
        except sqlite3.Error as error:
            raise self._translate(error) from error

    async def rollback(self) -> None:
        """Leave a transaction, if there is one. After most failures SQLite has left it already."""
        self._check_open()
        try:
            await self._driver.rollback()
        except sqlite3.Error as error:
            raise self._translate(error) from error

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
        if code in _DAMAGED:
            return LogCorrupt(path, str(error))
        return LogError(
            f"SQLite failed on {path}: {error}",
            remedy="everything acknowledged is safe; look for a full or broken disk, or a file that is read-only",
        )


def _uri(path: Path, mode: str) -> str:
    """Name a file as SQLite wants it, so that it does not make one where there was none."""
    return f"file:{quote(str(path.absolute()))}?mode={mode}"
