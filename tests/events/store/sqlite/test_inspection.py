"""What `verify` makes of a file: everything that is not as it was written is found, or said to be proved by nothing."""

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.base import StreamId
from events.errors import StillroomError
from events.findings import VerifyReport, told
from events.integrity.verify import verify
from events.store.base import Selection, Snapshot
from events.store.sqlite.readonly import SqliteSource
from events.store.sqlite.store import SqliteLog
from tests.events.samples import ATTEMPT, TRIAL, asked, drafts, observed, stranger, ticking

TEXT = b"a file\n" * 300
EXAMPLES = int(os.environ.get("SPOILT_FILES", "100"))  # noqa: TID251 - a knob of this test alone
"""Of each kind; by hand some thousands."""
SPARE = b"of an append that never came"


async def tell(path: Path) -> None:
    """Record a trial, an action and what it printed; erase a blob, own a run, keep a snapshot and a spare blob."""
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await log.append(TRIAL, drafts("one", "two"), expected_version=0)
        await log.append(ATTEMPT, asked(log.put(b"ls -la")), expected_version=0)
        await log.append(ATTEMPT, observed(log.put(TEXT)), expected_version=1)
        secret = log.put(b"a customer's name")
        await log.append(ATTEMPT, asked(secret), expected_version=2)
        await log.append(TRIAL, drafts("three"), expected_version=2)
        await log.erase(secret, "asked by Ann")
        await log.acquire("run-1", "somebody", ttl_s=60)
        await log.save_snapshot(Snapshot("trials", 1, 5, b"state"))
        log.put(SPARE)


async def looked(path: Path) -> VerifyReport:
    """Look through a file."""
    async with await SqliteSource.open_source(path) as source:
        return await verify(source)


async def test_a_file_as_it_was_written_is_sound(tmp_path: Path) -> None:
    """And a blob that no event names is counted, since nothing says what it was for."""
    path = tmp_path / "log.db"
    await tell(path)
    report = await looked(path)
    assert report.sound, report.findings
    assert (report.events, report.blobs, report.spare, len(report.erased)) == (6, 2, 1, 1)


EDITS: dict[str, tuple[str, list[str]]] = {
    "meta is empty": ("DELETE FROM meta", ["setting wrong: key format", "setting wrong: key lease_epoch"]),
    "meta is gone": ("DROP TABLE meta", ["schema changed: part table meta", "schema changed: part index", "no such"]),
    "no lease epoch": ("DELETE FROM meta WHERE key = 'lease_epoch'", ["setting wrong: key lease_epoch, found None"]),
    "another format": ("UPDATE meta SET value = 7 WHERE key = 'format'", ["setting wrong: key format, found 7"]),
    "a setting more": ("INSERT INTO meta VALUES ('x', 1)", ["setting wrong: key x, found 1"]),
    "bytes behind a frame": (
        "UPDATE blobs SET data = CAST(data || x'00' AS BLOB) WHERE encoding = 'zstd'",
        ["1 bytes stand behind its frame"],
    ),
    "a frame behind a frame": (
        "UPDATE blobs SET data = CAST(data || data AS BLOB) WHERE encoding = 'zstd'",
        ["bytes stand behind its frame"],
    ),
    "size of a packed blob": ("UPDATE blobs SET size = size + 1 WHERE encoding = 'zstd'", ["its size 2101"]),
    "size of a raw blob": ("UPDATE blobs SET size = 1 WHERE size = 6", ["it has 6 bytes, and its size says 1"]),
    "a spare blob": (
        f"UPDATE blobs SET data = CAST('{'x' * len(SPARE)}' AS BLOB) WHERE size = {len(SPARE)}",
        ["spare blob damaged"],
    ),
    "a blob that is none": (
        "INSERT INTO blobs VALUES (x'00', 1, 'raw', x'00', NULL, NULL)",
        ["blob misstored", "spare blob"],
    ),
    "a stream without events": ("INSERT INTO streams VALUES (3, 'run-9', 'x')", ["stream empty: run run-9, stream x"]),
    "a trigger more": (
        "CREATE TRIGGER sly AFTER INSERT ON events BEGIN DELETE FROM leases; END",
        ["schema changed: part trigger sly"],
    ),
    "a table is gone": ("DROP TABLE snapshots", ["part table snapshots", "part index sqlite_autoindex_snapshots_1"]),
    "the view is another": (
        "DROP VIEW log; CREATE VIEW log AS SELECT 1",
        ["schema changed: part view log, why it is another one"],
    ),
}


@pytest.mark.parametrize("edit", EDITS)
async def test_what_is_not_as_it_was_written_is_named(edit: str, tmp_path: Path) -> None:
    """Whatever no event shows: the triggers that refuse it were dropped."""
    statements, expected = EDITS[edit]
    path = tmp_path / "log.db"
    await tell(path)
    with stranger(path) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.executescript(statements)
    report = await looked(path)
    assert not report.sound
    assert not report.proved
    lines = [told(finding) for finding in report.findings]
    assert len(lines) == len(expected), lines
    for line, words in zip(lines, expected, strict=True):
        assert words in line


NOTES: dict[str, tuple[str, str]] = {
    "triggers are gone": ("DROP TRIGGER events_stay; DROP TRIGGER blobs_stay", "the triggers events_stay, blobs_stay"),
    "a table more": ("CREATE TABLE mine (x)", "table mine"),
    "an index more": ("CREATE INDEX fast ON events (tag)", "index fast"),
    "leases": ("UPDATE leases SET owner = 'me', token = 9", "who owned which run"),
    "snapshots": ("UPDATE snapshots SET state = x'00'", "what snapshots of views hold"),
    "when it was erased": ("UPDATE blobs SET erased_at = 1 WHERE data IS NULL", "who erased blobs, when and why"),
}


@pytest.mark.parametrize("edit", NOTES)
async def test_what_proves_nothing_is_said(edit: str, tmp_path: Path) -> None:
    """It is no damage to what was recorded, and the report does not pass over it."""
    statements, expected = NOTES[edit]
    path = tmp_path / "log.db"
    await tell(path)
    with stranger(path) as connection:
        connection.execute("DROP TRIGGER blobs_change_by_erasure")
        connection.executescript(statements)
    report = await looked(path)
    assert report.sound, report.findings
    assert any(expected in claim for claim in report.not_proved), report.not_proved


async def test_a_table_that_is_gone_is_damage_and_no_word_about_triggers(tmp_path: Path) -> None:
    """What is missed is named once, as what it is."""
    path = tmp_path / "log.db"
    await tell(path)
    with stranger(path) as connection:
        connection.execute("DROP TABLE snapshots")
    report = await looked(path)
    assert [told(finding).partition(", why")[0] for finding in report.findings] == [
        "schema changed: part table snapshots",
        "schema changed: part index sqlite_autoindex_snapshots_1",
    ]
    assert not any("triggers" in claim for claim in report.not_proved)


async def test_a_blob_that_was_packed_otherwise_is_the_same_blob(tmp_path: Path) -> None:
    """By another version of zstd, with a checksum: its bytes are proved by its digest, and its frame is whole."""
    path = tmp_path / "log.db"
    await tell(path)
    frame = zstandard.ZstdCompressor(level=19, write_checksum=True).compress(TEXT)
    with stranger(path) as connection:
        connection.execute("DROP TRIGGER blobs_change_by_erasure")
        connection.execute("UPDATE blobs SET data = ? WHERE encoding = 'zstd'", (frame,))
    assert (await looked(path)).sound
    with stranger(path) as connection:
        connection.execute("UPDATE blobs SET data = ? WHERE encoding = 'zstd'", (frame + b"x",))
    assert not (await looked(path)).sound


async def test_an_index_that_misses_a_row_is_found(tmp_path: Path) -> None:
    """Reading by stream would pass over an event that is there."""
    path = tmp_path / "log.db"
    await tell(path)
    with stranger(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        (sql,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'events'").fetchone()
        bare = "UPDATE sqlite_schema SET sql = ? WHERE name = 'events'"
        connection.execute("DROP TRIGGER events_stay")
        connection.execute(bare, (sql.replace("UNIQUE (stream, version)", "CHECK (version > 0)"),))
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'sqlite_autoindex_events_1'")
    with stranger(path) as connection:
        connection.execute("DELETE FROM events WHERE position = 6")
    report = await looked(path)
    assert any("sqlite_autoindex_events_1" in told(finding) for finding in report.findings)


async def test_bytes_behind_the_last_page_are_found(tmp_path: Path) -> None:
    """SQLite does not look at them."""
    path = tmp_path / "log.db"
    await tell(path)
    path.write_bytes(path.read_bytes() + b"hidden")
    report = await looked(path)
    assert [told(finding) for finding in report.findings] == ["file damaged: why 6 bytes stand behind its last page"]


def meaning(path: Path) -> list[list[tuple[object, ...]]]:
    """Give what a log says, without what no digest covers."""
    with stranger(path) as file:
        events = file.execute("SELECT * FROM log ORDER BY position").fetchall()
        blobs = file.execute("SELECT digest, size, encoding, data FROM blobs WHERE data IS NOT NULL").fetchall()
    plain = [
        (digest, size, zstandard.ZstdDecompressor().decompress(data) if encoding == "zstd" else data)
        for digest, size, encoding, data in blobs
    ]
    return [events, sorted(plain)]


Spoil = Callable[[bytearray], None]


def flip(at: float, value: int) -> Spoil:
    """Change one byte; `at` from 0 to 1."""

    def spoil(data: bytearray) -> None:
        data[int(at * len(data))] ^= value

    return spoil


def flip_at(at: int, value: int) -> Spoil:
    """Change the byte at a place."""

    def spoil(data: bytearray) -> None:
        data[at] ^= value

    return spoil


def overwrite(at: float, text: bytes) -> Spoil:
    """Change several."""

    def spoil(data: bytearray) -> None:
        start = int(at * len(data))
        data[start : start + len(text)] = text[: len(data) - start]

    return spoil


def swap(one: int, two: int) -> Spoil:
    """Exchange two pages."""

    def spoil(data: bytearray) -> None:
        size = 16384
        pages = len(data) // size
        first, second = one % pages * size, two % pages * size
        data[first : first + size], data[second : second + size] = (
            data[second : second + size],
            data[first : first + size],
        )

    return spoil


def used(path: Path) -> list[int]:
    """List the bytes of a file that hold something, so that most changes hit."""
    return [at for at, byte in enumerate(path.read_bytes()) if byte]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small log, written once."""
    path = tmp_path_factory.mktemp("written") / "log.db"
    anyio.run(tell, path)
    return path


def write_spoilt(path: Path, written: Path, spoil: Spoil) -> None:
    """Copy a file, and change the copy."""
    data = bytearray(written.read_bytes())
    spoil(data)
    path.write_bytes(data)


async def used_up(log: SqliteLog) -> None:
    """Read everything as commands do, and append."""
    for run in await log.runs():
        for name in await log.streams(run):
            with suppress(StillroomError):
                async for _ in log.read(Selection(stream=StreamId(run, name))):
                    pass
    await log.append(StreamId("run-2", "new"), drafts("new"), expected_version=0)


async def judged(path: Path, original: list[list[tuple[object, ...]]]) -> None:
    """See that a spoilt file is refused, has findings, or says the same as before; and that nothing else breaks."""
    with suppress(StillroomError):
        report = await looked(path)
        if report.sound:
            assert meaning(path) == original
        else:
            assert not report.proved
    with suppress(StillroomError):
        async with await SqliteLog.open(path, clock=ticking()) as log:
            looks: list[Callable[[], Awaitable[object]]] = [log.leases, log.erasures, log.head, partial(used_up, log)]
            for look in looks:
                with suppress(StillroomError):
                    await look()


places = st.floats(0, 1, exclude_max=True)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    spoil=st.one_of(
        st.builds(flip, places, st.integers(1, 255)),
        st.builds(overwrite, places, st.binary(min_size=1, max_size=40)),
        st.builds(swap, st.integers(0, 40), st.integers(0, 40)),
    )
)
async def test_whatever_is_changed_in_the_file_is_found_or_changes_nothing(
    spoil: Spoil, written: Path, tmp_path: Path
) -> None:
    """And never is it a mistake of ours."""
    path = tmp_path / "log.db"
    write_spoilt(path, written, spoil)
    await judged(path, meaning(written))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(which=st.integers(0, 1 << 30), value=st.integers(1, 255))
async def test_whatever_byte_in_use_is_changed_is_found_or_changes_nothing(
    which: int, value: int, written: Path, tmp_path: Path
) -> None:
    """The same among bytes that are not zero: most of a small file is empty."""
    path = tmp_path / "log.db"
    bytes_in_use = used(written)
    write_spoilt(path, written, flip_at(bytes_in_use[which % len(bytes_in_use)], value))
    await judged(path, meaning(written))
