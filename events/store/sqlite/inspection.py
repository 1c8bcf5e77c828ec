"""What a file can have besides its events and blobs, and whether it is as this format has it."""

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from functools import cache
from typing import Any, Final, NamedTuple

import zstandard

from events.digest import Digest
from events.errors import LogCorrupt
from events.findings import AnyFinding, FileDamaged, SchemaChanged, SettingWrong, StreamEmpty
from events.store.base import Inspection, Stored
from events.store.chain import FORMAT
from events.store.sqlite.connection import Connection, text
from events.store.sqlite.schema import FORMER, SCHEMA

MOST_ROWS: Final = 256
"""Blobs looked at in one trip to the thread."""
MOST_BYTES: Final = 16 << 20
"""Of their data, beyond the one that fills it."""
MOST_FAULTS: Final = 100
"""Named one by one of what SQLite finds wrong with the file's pages."""

_SEAL_OF_FRAME = 4
_BLOCK = 3
_REPEATED = 1


class _Part(NamedTuple):
    """A table, index, view or trigger."""

    kind: str
    table: str
    sql: str


async def inspect(reader: Connection) -> Inspection:
    """Look at everything but events and blobs."""
    findings: list[AnyFinding] = []
    notes: list[str] = []
    for look in (_schema, _settings, _streams, _pages):
        try:
            await reader.run(_within(look, findings, notes))
        except LogCorrupt as error:
            findings.append(FileDamaged(error.problem))
    return Inspection(tuple(findings), tuple(notes))


_Look = Callable[[sqlite3.Connection, list[AnyFinding], list[str]], None]


def _within(look: _Look, findings: list[AnyFinding], notes: list[str]) -> Callable[[sqlite3.Connection], None]:
    return lambda file: look(file, findings, notes)


def _schema(file: sqlite3.Connection, findings: list[AnyFinding], notes: list[str]) -> None:
    """Compare tables, indexes, triggers and the view with those of the format."""
    found, expected = _parts(file), _expected()
    gone = [name for name in expected if name not in found]
    # Without its triggers the file no longer refuses accidents; what an accident changes is found all the same.
    parts = [f"{expected[name].kind} {name}" for name in gone if expected[name].kind != "trigger"]
    findings += [SchemaChanged(part, "it is gone") for part in parts]
    for name, part in found.items():
        if name in expected and part != expected[name] and part.sql not in FORMER:
            findings.append(SchemaChanged(f"{part.kind} {name}", "it is another one than this format has"))
        elif name not in expected and part.kind == "trigger":
            findings.append(
                SchemaChanged(f"trigger {name}", "it is none of this format, and may change what is written")
            )
    if unguarded := ", ".join(name for name in gone if expected[name].kind == "trigger"):
        notes.append(
            f"that SQLite refuses changes to what is written: the triggers {unguarded} are gone; `stillroom log copy` "
            "makes a file that has them"
        )
    others = (f"{part.kind} {name}" for name, part in sorted(found.items()) if name not in expected)
    if added := ", ".join(
        other for other in others if not other.startswith(("trigger ", "index sqlite_", "table sqlite_"))
    ):
        notes.append(f"anything about {added}: it was added by another program and is not part of the log")


def _settings(file: sqlite3.Connection, findings: list[AnyFinding], _: list[str]) -> None:
    """Look at the table of settings, without which nothing can be appended."""
    rows = {text(key): value for key, value in file.execute("SELECT key, value FROM meta")}
    for key in sorted({"format", "lease_epoch"} | rows.keys()):
        value = rows.get(key)
        right = {"format": value == FORMAT, "lease_epoch": isinstance(value, int) and value >= 0}
        if not right.get(key, False):
            findings.append(SettingWrong(key, None if value is None else str(value)))


def _streams(file: sqlite3.Connection, findings: list[AnyFinding], _: list[str]) -> None:
    """Look for names of streams that no event is in: the log writes none."""
    sql = "SELECT run, name FROM streams WHERE NOT EXISTS (SELECT 1 FROM events WHERE stream = streams.id) LIMIT ?"
    findings += [StreamEmpty(text(run), text(name)) for run, name in file.execute(sql, (MOST_FAULTS,))]


def _pages(file: sqlite3.Connection, findings: list[AnyFinding], _: list[str]) -> None:
    """Have SQLite look at its pages, indexes and constraints, and see that nothing stands behind the last page."""
    for (why,) in file.execute(f"PRAGMA integrity_check({MOST_FAULTS})"):
        if text(why) != "ok":
            findings.append(FileDamaged(text(why)))
    (_, _, path), *_rest = file.execute("PRAGMA database_list").fetchall()
    ((pages,), (size,)) = file.execute("PRAGMA page_count").fetchone(), file.execute("PRAGMA page_size").fetchone()
    beyond = os.stat(text(path)).st_size - pages * size  # noqa: PTH116 - SQLite's own name of it
    if beyond > 0 and beyond % size:
        findings.append(FileDamaged(f"{beyond} bytes stand behind its last page"))


async def stored(reader: Connection) -> AsyncIterator[Sequence[Stored]]:
    """List all blobs in the order in which they were written, and say what is odd about how each is kept."""
    after: int | None = None
    while True:
        page, after = await reader.run(_rows_behind(after))
        yield page
        if after is None:
            return


def _rows_behind(after: int | None) -> Callable[[sqlite3.Connection], tuple[list[Stored], int | None]]:
    def look(file: sqlite3.Connection) -> tuple[list[Stored], int | None]:
        sql = "SELECT rowid, digest, size, encoding, data FROM blobs WHERE rowid > ? ORDER BY rowid"
        page: list[Stored] = []
        held = 0
        # One row at a time: a page of large blobs would not fit into memory.
        with closing(file.execute(sql, (-1 << 63 if after is None else after,))) as rows:
            for rowid, digest, size, encoding, data in rows:
                if after is not None and rowid <= after:
                    raise LogCorrupt(
                        text(file.execute("PRAGMA database_list").fetchone()[2]), "its blobs go in circles"
                    )
                page.append(Stored(Digest(_hex(digest)), _oddity(digest, size, encoding, data)))
                held += len(data) if isinstance(data, bytes) else 0
                if len(page) == MOST_ROWS or held >= MOST_BYTES:
                    return page, rowid
        return page, None

    return look


def _oddity(digest: Any, size: Any, encoding: Any, data: Any) -> str | None:
    """Say what is wrong with a row, besides its bytes. None: nothing."""
    match digest, size, encoding, data:
        case bytes(), int(), _, None if len(digest) == 32:
            return None
        case bytes(), int(), b"raw", bytes() if len(digest) == 32:
            return None if len(data) == size else f"it has {len(data)} bytes, and its size says {size}"
        case bytes(), int(), b"zstd", bytes() if len(digest) == 32:
            return _oddity_of_frame(size, data)
        case _:
            return "its row holds what no blob has"


def _oddity_of_frame(size: int, data: bytes) -> str | None:
    """Look at the head of a frame of zstd (RFC 8878) and where it ends; what is in it is looked at elsewhere."""
    try:
        said = zstandard.get_frame_parameters(data)
        end = zstandard.frame_header_size(data)
    except zstandard.ZstdError as error:
        return f"it is no frame of zstd: {error}"
    if said.content_size != size:
        return f"its frame says {said.content_size} bytes, and its size {size}"
    last = False
    while not last and end + _BLOCK <= len(data):
        head = int.from_bytes(data[end : end + _BLOCK], "little")
        last, kind = bool(head & 1), head >> 1 & 3
        end += _BLOCK + (1 if kind == _REPEATED else head >> 3)
    end += _SEAL_OF_FRAME if said.has_checksum else 0
    return None if end == len(data) else f"{len(data) - end} bytes stand behind its frame"


@cache
def _expected() -> dict[str, _Part]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as file:
        file.executescript(SCHEMA)
        return _parts(file)


def _parts(file: sqlite3.Connection) -> dict[str, _Part]:
    rows = file.execute("SELECT name, type, tbl_name, coalesce(sql, '') FROM sqlite_schema")
    return {text(name): _Part(*map(text, rest)) for name, *rest in rows}


def _hex(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
