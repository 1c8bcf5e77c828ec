"""The digest chain, as ``docs/log-format.md`` describes it, and what `verify` makes of damage."""

from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from events.base import Draft, Ref
from events.digest import Digest, digest_of
from events.findings import (
    BlobDamaged,
    BlobLost,
    CauseUnknown,
    ChainBroken,
    Finding,
    HistoryRewritten,
    PositionsMissing,
    TagMismatch,
    TailCut,
    Undecodable,
    VersionUnexpected,
)
from events.integrity.verify import verify
from events.store.base import EventLog
from events.store.blob_refs import named_blobs
from events.store.chain import GENESIS, Seal, link, seal, stream_part
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from events.types.model import ConversationNode, ModelAsked
from tests.events.samples import ATTEMPT, CLASSES, TRIAL, asked, drafts, observed, sample, stranger, ticking


def test_the_digest_is_made_as_documented() -> None:
    """Byte by byte, so that others can check a log without our code."""
    place = (b"\0" * 7 + b"\2") + (b"\0" * 7 + b"\1") + (1_700_000_000_000_000).to_bytes(8, "big")
    stream = b"\0\0\0\5run-1" + b"\0\0\0\13trial/greet"
    cause, payload = b'["x",1]', b'{"tag":"y"}'
    data = GENESIS + place + b"\0\0\0\7" + b"\0\0\0\13" + stream + cause + payload
    expected = sha256(data).digest()
    assert link(GENESIS, (2, 1, 1_700_000_000_000_000), stream_part(TRIAL), cause, payload) == expected


def test_no_two_histories_make_the_same_input() -> None:
    """Each part stands behind its length: moving a character from one to the next changes the digest."""
    place = (1, 1, 0)
    made = {
        link(GENESIS, place, stream_part(TRIAL), None, b"ab"),
        link(GENESIS, place, stream_part(TRIAL), b"a", b"b"),
        link(GENESIS, place, stream_part(TRIAL._replace(run="run-1t", name="rial/greet")), None, b"ab"),
        link(GENESIS, (1, 2, 0), stream_part(TRIAL), None, b"ab"),
        link(bytes(31) + b"\1", place, stream_part(TRIAL), None, b"ab"),
    }
    assert len(made) == 5


def test_every_digest_of_an_event_is_a_blob_or_is_said_to_be_none() -> None:
    """A new event with a digest cannot be forgotten by `verify`: it is found by its type."""
    found = {kind.__name__ for kind in CLASSES if list(named_blobs(sample(kind)))}
    assert {"AttemptOpened", "ModelAnswered", "PdiRead", "SkillRevised", "RunOpened", "SandboxAsked"} <= found
    assert not found & {"SandboxReleased", "RunClosed", "BudgetAsked", "SessionStarted"}


async def tell(log: EventLog) -> Seal:
    """Record a short story: a trial, an action, what it printed; then take a seal."""
    await log.append(TRIAL, drafts("one", "two"), expected_version=0)
    await log.append(ATTEMPT, asked(log.put(b"ls -la")), expected_version=0)
    await log.append(ATTEMPT, observed(log.put(b"a file\n" * 300)), expected_version=1)
    await log.append(TRIAL, drafts("three"), expected_version=2)
    return await seal(log)


EDITS: dict[str, tuple[str, list[Finding]]] = {
    "payload": (
        "UPDATE events SET payload = replace(payload, 'two', 'too') WHERE position = 2",
        [ChainBroken(2)],
    ),
    "time": ("UPDATE events SET at = at + 1 WHERE position = 3", [ChainBroken(3)]),
    "cause": (
        "UPDATE events SET cause = '[\"trial/greet\",3]' WHERE position = 4",
        [ChainBroken(4), CauseUnknown(4, Ref("trial/greet", 3))],
    ),
    "cause that is the event itself": (
        "UPDATE events SET cause = '[\"attempt/greet/1\",2]' WHERE position = 4",
        [ChainBroken(4), CauseUnknown(4, Ref("attempt/greet/1", 2))],
    ),
    "cause before the first": (
        "UPDATE events SET cause = '[\"trial/greet\",0]' WHERE position = 4",
        [ChainBroken(4), CauseUnknown(4, Ref("trial/greet", 0))],
    ),
    "cause that stands just before": (
        "UPDATE events SET cause = '[\"attempt/greet/1\",1]' WHERE position = 4",
        [ChainBroken(4)],
    ),
    "cause that is the last of another stream": (
        "UPDATE events SET cause = '[\"trial/greet\",2]' WHERE position = 4",
        [ChainBroken(4)],
    ),
    "tag": (
        "UPDATE events SET tag = 'run.closed' WHERE position = 1",
        [TagMismatch(1, "run.closed", "sandbox.failed")],
    ),
    "digest": ("UPDATE events SET digest = zeroblob(32) WHERE position = 2", [ChainBroken(2), ChainBroken(3)]),
    "stream": ("UPDATE streams SET name = 'trial/other' WHERE id = 2", [ChainBroken(3), ChainBroken(4)]),
    "removed": (
        "DELETE FROM events WHERE position IN (2, 3)",
        [
            PositionsMissing(2, 3),
            ChainBroken(4),
            VersionUnexpected(4, "run-1/attempt/greet/1", 1, 2),
            VersionUnexpected(5, "run-1/trial/greet", 2, 3),
        ],
    ),
    "cut": ("DELETE FROM events WHERE position > 3", [TailCut(3, 5)]),
    "cut by one": ("DELETE FROM events WHERE position > 4", [TailCut(4, 5)]),
    "first removed": (
        "DELETE FROM events WHERE position = 1",
        [PositionsMissing(1, 1), ChainBroken(2), VersionUnexpected(2, "run-1/trial/greet", 1, 2)],
    ),
    "version 0": (
        "UPDATE events SET version = 0 WHERE position = 5",
        [Undecodable(5, "a column of its row is of another type, or out of its range"), TailCut(4, 5)],
    ),
    "short digest": (
        "UPDATE events SET digest = zeroblob(31) WHERE position = 5",
        [Undecodable(5, "a column of its row is of another type, or out of its range"), TailCut(4, 5)],
    ),
    "blob lost": ("DELETE FROM blobs WHERE size = 6", [BlobLost(3, digest_of(b"ls -la"))]),
}


@pytest.mark.parametrize("edit", EDITS)
async def test_a_change_by_hand_is_found_and_its_place_is_named(edit: str, tmp_path: Path) -> None:
    """A stranger can drop the triggers; the chain and the seal still tell."""
    statement, expected = EDITS[edit]
    path = tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=ticking()) as log:
        sealed = await tell(log)
        assert (await verify(log, sealed)).sound
    with stranger(path) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(statement)
    async with await SqliteLog.open(path, clock=ticking()) as log:
        report = await verify(log, sealed)
    assert list(report.findings) == expected
    assert not report.sound
    assert not report.proved


async def test_broken_json_and_a_damaged_blob_are_told_apart(tmp_path: Path) -> None:
    """One is an event nobody can read, the other bytes that are not those the event named."""
    path = tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await tell(log)
    with stranger(path) as connection:
        connection.execute("DROP TRIGGER events_do_not_change")
        connection.execute("DROP TRIGGER blobs_change_by_erasure")
        connection.execute("UPDATE events SET payload = '{' WHERE position = 1")
        connection.execute("UPDATE blobs SET data = CAST('rm -rf' AS BLOB) WHERE size = 6")
    async with await SqliteLog.open(path, clock=ticking()) as log:
        report = await verify(log)
    assert [type(finding) for finding in report.findings] == [ChainBroken, Undecodable, BlobDamaged]
    assert [finding.position for finding in report.findings if isinstance(finding, BlobDamaged)] == [3]


async def test_a_cut_tail_is_invisible_without_a_seal(tmp_path: Path) -> None:
    """And the report says so, instead of saying that all is well."""
    path = tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await tell(log)
    with stranger(path) as connection:
        connection.execute("DROP TRIGGER events_stay")
        connection.execute("DELETE FROM events WHERE position > 3")
    async with await SqliteLog.open(path, clock=ticking()) as log:
        report = await verify(log)
    assert report.sound
    assert any("not truncated" in claim for claim in report.not_proved)


async def test_a_history_written_anew_does_not_fit_an_old_seal() -> None:
    """A chain alone proves little: whoever holds the file can compute it again."""
    one, two = MemoryLog(clock=ticking()), MemoryLog(clock=ticking())
    sealed = await tell(one)
    await two.append(TRIAL, drafts("another", "history", "as", "long", "x", "y"), expected_version=0)
    assert (await verify(two, sealed)).findings == (HistoryRewritten(5),)
    report = await verify(one, sealed)
    assert (report.events, report.streams, report.blobs, report.head) == (5, 2, 2, sealed.head)
    assert msgspec.json.decode(msgspec.json.encode(sealed), type=Seal) == sealed


async def test_the_messages_of_a_conversation_are_looked_at() -> None:
    """They are blobs that no event names: nodes do."""
    log = MemoryLog(clock=ticking())
    lost = Digest("f" * 64)
    first = log.put(msgspec.json.encode(ConversationNode(None, (log.put(b"hello"), lost))))
    second = log.put(msgspec.json.encode(ConversationNode(first, (log.put(b"and then"),))))
    event = ModelAsked("teacher", "p/m", second, None, {}, stream=False, timeout_s=None)
    await log.append(TRIAL, [Draft(event, None)], expected_version=0)
    report = await verify(log)
    assert report.findings == (BlobLost(1, lost),)
    assert report.blobs == 4


async def test_an_empty_log_is_sound() -> None:
    """Its seal counts nothing and its head is 64 zeros."""
    log = MemoryLog(clock=ticking())
    assert await seal(log) == Seal(2, 0, Digest("0" * 64), digest_of(b""))
    assert (await verify(log, await seal(log))).sound
