"""Stories of folding from a log: what is read, what is fetched, and what a snapshot may and may not do."""

from collections.abc import Collection
from typing import Any

import pytest
from typing_extensions import override

from engine.folding import fold, fold_many, fold_with_snapshot
from events.base import Draft, Event, StreamId
from events.digest import Digest
from events.log import EVERYTHING, Selection, Snapshot
from events.log_errors import BlobErased
from events.memo import MemoKept, MemoRewritten
from events.memory import MemoryLog
from events.sandbox import SandboxFailed
from events.trial import TrialOpened
from projections.base import Projection, encode_state, state_digest
from projections.memo import Memo
from projections.pdi_steps import PdiSteps
from projections.registry import projection_named, registered
from projections.trials import Trials
from tests.support.worlds import Ticking

TRIAL = StreamId("r1", "trial/a")


class Counting(MemoryLog):
    """A log that notes which events were read and which blobs were fetched."""

    def __init__(self) -> None:
        super().__init__(clock=Ticking())
        self.fetched: list[Digest] = []
        self.asked: list[Selection] = []

    @override
    async def get(self, digest: Digest) -> bytes:
        """Fetch."""
        self.fetched.append(digest)
        return await super().get(digest)

    @override
    def pages(self, selection: Selection = EVERYTHING) -> Any:
        """Read."""
        self.asked.append(selection)
        return super().pages(selection)


async def tell(log: MemoryLog, *events: Event, stream: StreamId = TRIAL) -> None:
    """Append."""
    version = (await log.streams(stream.run)).get(stream.name, 0)
    await log.append(stream, [Draft(event, None) for event in events], expected_version=version)


def rewritten(log: MemoryLog, attempt: int, text: bytes) -> MemoRewritten:
    """Make an event that a projection needs a blob for."""
    return MemoRewritten(attempt=attempt, memo=log.put(text), previous=None, repaired=False)


async def whole(log: MemoryLog) -> Digest:
    """Fold all memos, and name the view."""
    state = await fold(log, Memo())
    return state_digest(state)


OPENED = TrialOpened(task="a", condition="default", max_attempts=3)
KEPT = MemoKept(attempt=2, memo=None, problems=("timeout",))
NOISE = SandboxFailed(kind="lost", detail="gone")


async def test_only_what_a_projection_looks_at_is_read() -> None:
    """A memo's history should not cost the decoding of every command that was ever run."""
    log = Counting()
    await tell(log, OPENED, NOISE, rewritten(log, 1, b"one"), KEPT)
    state = await fold(log, Memo())
    assert [step.kind for step in state.runs["r1"]["a"].steps] == ["rewritten", "kept"]
    assert _tags(log) == [{"memo.rewritten", "memo.kept", "memo.imported"}]
    assert log.fetched == []


async def test_tags_that_are_asked_for_narrow_it_further() -> None:
    """What neither wants is not read, and what only one wants is not folded."""
    log = Counting()
    await tell(log, OPENED, rewritten(log, 1, b"one"), KEPT)
    narrow = Selection(tags=("memo.kept", "trial.opened"))
    state = await fold(log, Memo(), narrow)
    assert [step.kind for step in state.runs["r1"]["a"].steps] == ["kept"]
    (again,) = await fold_many(log, [Memo()], narrow)
    assert state_digest(again) == state_digest(state)
    assert _tags(log) == [{"memo.kept"}, {"memo.kept"}]


async def test_several_views_take_one_pass() -> None:
    """Each sees its own events, the log is read once, and a blob that two need is fetched once."""
    log = Counting()
    await tell(log, OPENED, rewritten(log, 1, b"### Verified Facts\n- one"), NOISE)
    twice: list[Projection[Any]] = [projection_named("pdi_steps"), projection_named("pdi_steps"), Memo()]
    states = await fold_many(log, twice)
    assert len(log.asked) == 1
    assert len(log.fetched) == 1
    assert [state_digest(state) for state in states] == [state_digest(await fold(log, each)) for each in twice]


async def test_a_fold_goes_on_from_a_state() -> None:
    """Who follows a run folds what is new, and not the run again."""
    log = Counting()
    await tell(log, OPENED, rewritten(log, 1, b"one"))
    state = await fold(log, Memo())
    head = await log.head()
    await tell(log, KEPT)
    state = await fold(log, Memo(), Selection(after=head.position), state=state)
    assert state_digest(state) == await whole(log)


async def test_a_snapshot_spares_what_stands_before_it() -> None:
    """The second fold reads the tail alone, and comes out the same."""
    log = Counting()
    await tell(log, OPENED, rewritten(log, 1, b"one"))
    await fold_with_snapshot(log, Memo())
    await tell(log, KEPT)
    state = await fold_with_snapshot(log, Memo())
    assert [selection.after for selection in log.asked] == [0, 2]
    assert state_digest(state) == await whole(log)
    kept = await log.load_snapshot("memo", Memo.revision)
    assert kept == Snapshot("memo", Memo.revision, 3, encode_state(state))


@pytest.mark.parametrize(
    "snapshot",
    [
        Snapshot("memo", Memo.revision + 1, 2, b'{"runs":{}}'),
        Snapshot("memo", Memo.revision, 2, b'{"runs":'),
        Snapshot("memo", Memo.revision, 2, b'{"runs":{"r1":{"a":{"steps":7}}}}'),
        Snapshot("memo", Memo.revision, 2, b'{"runs":{"\xff":{}}}'),
        Snapshot("memo", Memo.revision, 99, b'{"runs":{}}'),
    ],
    ids=["of another revision", "cut short", "of another shape", "no text", "ahead of the log"],
)
async def test_a_snapshot_is_never_a_truth(snapshot: Snapshot) -> None:
    """One that does not fit is folded over as if it were not there, without a word."""
    log = Counting()
    await tell(log, OPENED, rewritten(log, 1, b"one"))
    await log.save_snapshot(snapshot)
    state = await fold_with_snapshot(log, Memo())
    assert state_digest(state) == await whole(log)


async def test_no_news_leaves_the_snapshot_alone() -> None:
    """Looking at a finished run writes nothing."""
    log = Counting()
    await tell(log, OPENED)
    await fold_with_snapshot(log, Memo())
    marked = Snapshot("memo", Memo.revision, 1, b'{"runs": {}}')
    await log.save_snapshot(marked)
    await fold_with_snapshot(log, Memo())
    assert await log.load_snapshot("memo", Memo.revision) == marked


async def test_bytes_that_were_erased_are_named() -> None:
    """A view that needs them cannot be made, and says which; one that does not need them can."""
    log = Counting()
    told = rewritten(log, 1, b"### Verified Facts\n- a secret")
    await tell(log, OPENED, told)
    await log.erase(told.memo, "a secret")
    with pytest.raises(BlobErased):
        await fold(log, PdiSteps({}))
    assert len((await fold(log, Trials())).runs) == 1


async def test_an_empty_log_has_every_view() -> None:
    """The first thing anybody looks at is nothing."""
    log = Counting()
    for projection, state in zip(registered(), await fold_many(log, registered()), strict=True):
        assert state_digest(state) == state_digest(projection.initial())
        assert state_digest(await fold_with_snapshot(log, projection)) == state_digest(state)


def _tags(log: Counting) -> list[set[str]]:
    return [set(_all(selection.tags)) for selection in log.asked]


def _all(tags: Collection[str] | None) -> Collection[str]:
    return [] if tags is None else tags
