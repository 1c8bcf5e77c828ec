"""Copies of logs: same positions, times and digests, or, for single runs, the same streams."""

import os
from pathlib import Path

import msgspec
import pytest

from events.base import Draft, Ref, StreamId
from events.bundle.copy import copy
from events.digest import Digest, digest_of
from events.errors import BlobErased, CopyBroken, EventRefused, RunDiffers, VersionConflict
from events.integrity.verify import verify
from events.redaction.redactor import Redactor
from events.store.base import EventLog, Selection
from events.store.chain import seal
from events.store.memory import MemoryLog
from events.store.sqlite.readonly import SqliteSource
from events.store.sqlite.store import SqliteLog
from events.types.model import ConversationNode, ModelAsked
from tests.events.samples import (
    ATTEMPT,
    OTHER_RUN,
    SECRETS,
    TRIAL,
    drafts,
    everything,
    observed,
    said,
    sample,
    ticking,
)
from tests.support.edits import edit_events


def other() -> MemoryLog:
    """Another log, with a clock of its own that is a long way behind."""
    return MemoryLog(clock=lambda: 7, redactor=Redactor({}))


async def filled(log: EventLog) -> Digest:
    """Fill a log: two runs side by side, a conversation, a large output, a blob that was erased; gives the last."""
    message, gone = log.put(b'"hello"'), log.put(b"a key " * 90)
    node = log.put(msgspec.json.encode(ConversationNode(None, (message,))))
    large = log.put(bytes(range(256)) * 9_000)
    await log.append(TRIAL, drafts("one", "two"), expected_version=0)
    await log.append(OTHER_RUN, drafts("b1"), expected_version=0)
    asked = msgspec.structs.replace(_asked(), conversation=node, tools=None)
    await log.append(ATTEMPT, [Draft(asked, Ref("trial/greet", 2)), *observed(large)], expected_version=0)
    await log.append(OTHER_RUN, [Draft(said("b2"), Ref("trial/greet", 1)), *observed(gone)], expected_version=1)
    await log.append(TRIAL, drafts("three"), expected_version=2)
    await log.erase(gone, "they asked us to")
    return gone


def _asked() -> ModelAsked:
    made = sample(ModelAsked)
    assert isinstance(made, ModelAsked)
    return made


async def test_a_whole_log_is_copied_as_it_is(log: EventLog) -> None:
    """Positions, times, causes and digests, every blob that is named, and what was erased with its reason."""
    gone = await filled(log)
    async with other() as copied:
        done = await copy(log, copied)
        assert await everything(copied) == await everything(log)
        assert await seal(copied) == await seal(log)
        assert (done.events, done.before, done.erased, done.kept) == (8, 0, 1, True)
        assert await copied.get(digest_of(b'"hello"')) == b'"hello"'
        with pytest.raises(BlobErased, match="they asked us to"):
            await copied.get(gone)
        assert await verify(copied) == await verify(log)
        assert (await verify(copied)).sound


async def test_a_store_takes_over_what_another_one_holds(log: EventLog) -> None:
    """The other way round; afterwards it goes on as if it had been written there."""
    async with other() as source:
        await filled(source)
        await copy(source, log)
        assert await everything(log) == await everything(source)
        assert await log.streams("run-1") == {"trial/greet": 3, "attempt/greet/1": 2}
        await log.append(TRIAL, drafts("four"), expected_version=3)
        with pytest.raises(VersionConflict):
            await log.append(TRIAL, drafts("again"), expected_version=3)
        assert (await verify(log)).sound


async def test_copying_again_copies_what_is_new(log: EventLog) -> None:
    """So a copy can be kept up to date, and one that broke off goes on."""
    async with other() as copied:
        await filled(log)
        await copy(log, copied)
        await log.append(TRIAL, drafts("four"), expected_version=3)
        done = await copy(log, copied)
        assert (done.events, done.before, done.kept) == (1, 8, True)
        assert (await copy(log, copied)).events == 0
        assert await seal(copied) == await seal(log)


async def test_a_run_alone_keeps_its_streams_and_gets_new_positions(log: EventLog) -> None:
    """They are put behind what is there; copying it once more changes nothing."""
    await filled(log)
    async with other() as copied:
        await copied.append(StreamId("run-0", "run"), drafts("mine"), expected_version=0)
        for events in (3, 0):
            assert (await copy(log, copied, ["run-2"])).events == events
        ours = [each async for each in log.read(Selection(run="run-2"))]
        theirs = [each async for each in copied.read(Selection(run="run-2"))]
        assert [each._replace(position=0, digest=Digest("")) for each in theirs] == [
            each._replace(position=0, digest=Digest("")) for each in ours
        ]
        assert [each.position for each in theirs] == [2, 3, 4]
        assert await copied.runs() == ["run-0", "run-2"]
        assert (await verify(copied)).sound


async def test_several_runs_are_compared_each_with_itself_where_they_are_there_already(log: EventLog) -> None:
    """Both at other positions than they had; a third run is neither copied nor looked at."""
    await filled(log)
    third = StreamId("run-3", "s")
    await log.append(third, drafts("x"), expected_version=0)
    async with other() as copied:
        await copied.append(StreamId("run-0", "run"), drafts("mine"), expected_version=0)
        assert (await copy(log, copied, ["run-2"])).events == 3
        assert (await copy(log, copied, ["run-1", "run-2"])).events == 5
        done = await copy(log, copied, ["run-1", "run-2"])
        assert (done.events, done.before, done.kept) == (0, 8, False)
        assert await copied.runs() == ["run-0", "run-2", "run-1"]
        whole = await copy(log, copied)
        assert (whole.events, whole.before, whole.kept) == (1, 8, False)
        assert (await verify(copied)).sound


async def test_two_runs_of_one_name_are_not_mixed(log: EventLog) -> None:
    """Whatever is the same up to where both go is one run; anything else is not."""
    await filled(log)
    async with other() as elsewhere:
        await elsewhere.append(OTHER_RUN, drafts("another beginning"), expected_version=0)
        with pytest.raises(RunDiffers, match="run-2"):
            await copy(log, elsewhere, ["run-2"])
        assert (await elsewhere.head()).position == 1


async def test_what_is_a_secret_there_is_not_copied(log: EventLog) -> None:
    """Replacing it would make another history; so it is refused, and nothing of its page is kept."""
    async with other() as source:
        await source.append(TRIAL, drafts(f"it is {SECRETS['TOKEN']}"), expected_version=0)
        with pytest.raises(EventRefused, match="secret"):
            await copy(source, log)
        assert (await log.head()).position == 0


async def test_a_damaged_log_is_not_copied_as_if_it_were_whole(tmp_path: Path) -> None:
    """The event is named, and gets no new digest anywhere; runs that nobody touched can be saved."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=ticking()) as log:
        await filled(log)
    edit_events(tmp_path / "log.db", "sandbox.failed", "two", "2wo")
    async with await SqliteSource.open_source(tmp_path / "log.db") as source, other() as copied:
        for runs in (None, ["run-1"]):
            with pytest.raises(CopyBroken, match=r"event 2 .* does not fit its digest"):
                await copy(source, copied, runs)
        assert (await copied.head()).position == 0
        assert (await copy(source, copied, ["run-2"])).events == 3


async def test_the_source_is_only_read(tmp_path: Path) -> None:
    """Not one byte of it changes, and no lock is taken beside it that would keep its owner waiting."""
    path = await _archived(tmp_path)
    before = path.read_bytes()
    async with await SqliteSource.open_source(path) as source, other() as copied:
        assert (await copy(source, copied)).kept
    assert path.read_bytes() == before
    left = {each.name.removeprefix(path.name): each.stat().st_size for each in path.parent.iterdir()}
    assert not {"-writer", "-queue"} & left.keys()
    assert left.get("-wal", 0) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_the_source_may_stand_where_nobody_can_write(tmp_path: Path) -> None:
    """A log on a medium that is read-only."""
    path = await _archived(tmp_path)
    path.parent.chmod(0o555)
    try:
        async with await SqliteSource.open_source(path) as source, other() as copied:
            assert (await copy(source, copied)).kept
        assert [each.name for each in path.parent.iterdir()] == [path.name]
    finally:
        path.parent.chmod(0o755)


async def _archived(folder: Path) -> Path:
    path = folder / "archive/log.db"
    path.parent.mkdir()
    async with await SqliteLog.open(path, clock=ticking()) as log:
        await filled(log)
    for left in path.parent.glob("log.db-*"):
        left.unlink()
    return path


async def test_a_run_is_copied_beside_one_that_is_there_alone(log: EventLog) -> None:
    """Of a run that was not asked for nothing is compared: the source need not have it, or may have another."""
    await filled(log)
    async with other() as copied:
        for stream in (StreamId("mine", "trial/a"), OTHER_RUN):
            await copied.append(stream, drafts("of its own"), expected_version=0)
        for events in (5, 0):
            done = await copy(log, copied, {TRIAL.run})
            assert done.events == events
        assert await copied.streams("mine") == {"trial/a": 1}
        assert await copied.streams(OTHER_RUN.run) == {OTHER_RUN.name: 1}
        assert (await verify(copied)).sound
