"""Stories of folding from a log: what is read, what is fetched, and what a snapshot may and may not do."""

from collections.abc import Collection
from typing import Any

import msgspec
import pytest
from typing_extensions import override

from engine.core.fold import fold, fold_many, fold_run
from engine.core.snapshots import FoundSnapshot, find, keep
from events.base import Draft, Event, StreamId
from events.digest import Digest
from events.errors import BlobErased
from events.store.base import EVERYTHING, Selection, Snapshot
from events.store.memory import MemoryLog
from events.types.memo import MemoKept, MemoRewritten
from events.types.sandbox import SandboxFailed
from events.types.trial import TrialOpened
from projections.base import Projection, state_digest
from projections.memo import Memo
from projections.pdi.steps import PdiSteps
from projections.registry import projection_named, registered
from projections.trials.view import Trials
from tests.support.worlds import Ticking

TRIAL = StreamId("r1", "trial/a")


class CountingLog(MemoryLog):
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
    log = CountingLog()
    await tell(log, OPENED, NOISE, rewritten(log, 1, b"one"), KEPT)
    state = await fold(log, Memo())
    assert [step.kind for step in state.runs["r1"]["a"].steps] == ["rewritten", "kept"]
    assert _tags(log) == [{"memo.rewritten", "memo.kept", "memo.imported"}]
    assert log.fetched == []


async def test_tags_that_are_asked_for_narrow_it_further() -> None:
    """What neither wants is not read, and what only one wants is not folded."""
    log = CountingLog()
    await tell(log, OPENED, rewritten(log, 1, b"one"), KEPT)
    narrow = Selection(tags=("memo.kept", "trial.opened"))
    state = await fold(log, Memo(), narrow)
    assert [step.kind for step in state.runs["r1"]["a"].steps] == ["kept"]
    (again,) = await fold_many(log, [Memo()], narrow)
    assert state_digest(again) == state_digest(state)
    assert _tags(log) == [{"memo.kept"}, {"memo.kept"}]


async def test_several_views_take_one_pass() -> None:
    """Each sees its own events, the log is read once, and a blob that two need is fetched once."""
    log = CountingLog()
    await tell(log, OPENED, rewritten(log, 1, b"### Verified Facts\n- one"), NOISE)
    twice: list[Projection[Any]] = [projection_named("pdi_steps"), projection_named("pdi_steps"), Memo()]
    states = await fold_many(log, twice)
    assert len(log.asked) == 1
    assert len(log.fetched) == 1
    assert [state_digest(state) for state in states] == [state_digest(await fold(log, each)) for each in twice]


async def test_a_fold_goes_on_from_a_state() -> None:
    """Who follows a run folds what is new, and not the run again."""
    log = CountingLog()
    await tell(log, OPENED, rewritten(log, 1, b"one"))
    state = await fold(log, Memo())
    head = await log.head()
    await tell(log, KEPT)
    state = await fold(log, Memo(), Selection(after=head.position), state=state)
    assert state_digest(state) == await whole(log)


async def kept(log: MemoryLog, name: str = "memo/r1") -> Snapshot | None:
    """Look at what is kept."""
    return await log.load_snapshot(name, Memo.revision)


async def test_a_snapshot_spares_what_stands_before_it() -> None:
    """The second fold reads the tail alone, and comes out the same; so does one from what that one kept."""
    log = CountingLog()
    await tell(log, OPENED, rewritten(log, 1, b"one"))
    await fold_run(log, [Memo()], "r1", far=1)
    await tell(log, NOISE, stream=StreamId("r2", "trial/b"))
    await tell(log, KEPT)
    (state,) = await fold_run(log, [Memo()], "r1", far=1)
    assert folds(log) == [0, 2]
    assert state_digest(state) == await whole(log)
    found = await find(log, "memo/r1", Memo.revision)
    assert found == FoundSnapshot(4, msgspec.json.encode(state))


@pytest.mark.parametrize(("far", "keeps"), [(3, False), (2, True)])
async def test_a_short_way_is_walked_again(far: int, *, keeps: bool) -> None:
    """What is folded sooner than it is kept is not worth a write."""
    log = CountingLog()
    await tell(log, OPENED, rewritten(log, 1, b"one"), KEPT)
    await fold_run(log, [Memo()], "r1", far=far)
    assert (await kept(log) is not None) is keeps


@pytest.mark.parametrize(
    ("told", "by"),
    [
        (b'"runs"', b'"sunr"'),
        (b'{"runs":', b'{"runs"'),
        (b'"steps":[', b'"steps":7,"no":['),
        (b'"rewritten"', b'"\xff"'),
        (b'"behind":"', b'"behind":"0'),
        (b'"behind"', b'"between"'),
    ],
    ids=["of another shape", "cut short", "of another kind", "no text", "of another history", "of another form"],
)
async def test_a_snapshot_is_never_a_truth(told: bytes, by: bytes) -> None:
    """One that does not fit is folded over as if it were not there, without a word, and put right."""
    log = CountingLog()
    await tell(log, OPENED, rewritten(log, 1, b"one"))
    await fold_run(log, [Memo()], "r1", far=1)
    sound = await kept(log)
    assert sound is not None
    assert told in sound.state
    await log.save_snapshot(sound._replace(state=sound.state.replace(told, by)))
    (state,) = await fold_run(log, [Memo()], "r1", far=1)
    assert state_digest(state) == await whole(log)
    assert await kept(log) == sound


@pytest.mark.parametrize("position", [0, 1, 3])
async def test_a_snapshot_that_stands_elsewhere_is_of_no_use(position: int) -> None:
    """The file may have been put back from a copy, and gone on otherwise."""
    log = CountingLog()
    await tell(log, OPENED, rewritten(log, 1, b"one"))
    await keep(log, "memo/r1", Memo.revision, (await log.head())._replace(position=position), Memo().initial())
    (state,) = await fold_run(log, [Memo()], "r1")
    assert state_digest(state) == await whole(log)


async def test_a_state_of_an_earlier_revision_is_not_read() -> None:
    """Its meaning was another one."""
    log = CountingLog()
    await tell(log, OPENED, rewritten(log, 1, b"one"))
    await fold_run(log, [Memo()], "r1", far=1)
    sound = await kept(log)
    assert sound is not None
    await log.save_snapshot(sound._replace(revision=Memo.revision + 1))
    log.asked.clear()
    await fold_run(log, [Later()], "r1")
    assert folds(log) == [2]
    log.asked.clear()
    await log.erase(log.put(b"another"), "removes what is kept")
    await fold_run(log, [Later()], "r1")
    assert folds(log) == [0]


class Later(Memo):
    """Memos as a later version folds them."""

    revision = Memo.revision + 1


async def test_states_that_were_kept_apart_are_folded_together_from_the_start() -> None:
    """One of them may have been kept by another command, earlier."""
    log = CountingLog()
    await tell(log, OPENED, rewritten(log, 1, b"one"))
    await fold_run(log, [Memo()], "r1", far=1)
    await tell(log, KEPT)
    together: list[Projection[Any]] = [Memo(), Trials()]
    states = await fold_run(log, together, "r1")
    assert [state_digest(state) for state in states] == [state_digest(await fold(log, each)) for each in together]


async def test_what_came_first_stands_first_again() -> None:
    """Trials are shown in the order in which they were opened, which is not that of the alphabet."""
    log = CountingLog()
    for trial in ("c", "a", "b"):
        await tell(log, OPENED, stream=StreamId("r1", f"trial/{trial}"))
    for _ in range(2):
        (state,) = await fold_run(log, [Trials()], "r1", far=1)
        assert list(state.runs["r1"].trials) == ["c", "a", "b"]
    assert await log.snapshots() == [("trials/r1", Trials.revision)]


async def test_no_news_leaves_the_snapshot_alone() -> None:
    """Looking at a finished run writes nothing."""
    log = CountingLog()
    await tell(log, OPENED, rewritten(log, 1, b"one"))
    await keep(log, "memo/r1", Memo.revision, await log.head(), Memo().initial())
    marked = await kept(log)
    assert await fold_run(log, [Memo()], "r1", far=1) == [Memo().initial()]
    assert await kept(log) == marked


async def test_an_erasure_removes_every_state_that_is_kept() -> None:
    """A state may quote what was erased."""
    log = CountingLog()
    told = rewritten(log, 1, b"a secret")
    await tell(log, OPENED, told)
    await fold_run(log, [Memo()], "r1", far=1)
    await log.erase(told.memo, "a secret")
    assert await log.snapshots() == []


async def test_bytes_that_were_erased_are_named() -> None:
    """A view that needs them cannot be made, and says which; one that does not need them can."""
    log = CountingLog()
    told = rewritten(log, 1, b"### Verified Facts\n- a secret")
    await tell(log, OPENED, told)
    await log.erase(told.memo, "a secret")
    with pytest.raises(BlobErased):
        await fold(log, PdiSteps({}))
    assert len((await fold(log, Trials())).runs) == 1


async def test_an_empty_log_has_every_view() -> None:
    """The first thing anybody looks at is nothing."""
    log = CountingLog()
    for projection, state in zip(registered(), await fold_many(log, registered()), strict=True):
        assert state_digest(state) == state_digest(projection.initial())
        assert list(map(state_digest, await fold_run(log, [projection], "r1"))) == [state_digest(state)]


def folds(log: CountingLog) -> list[int]:
    """Say behind which positions runs were folded."""
    return [selection.after for selection in log.asked if selection.stream is None]


def _tags(log: CountingLog) -> list[set[str]]:
    return [set(_all(selection.tags)) for selection in log.asked]


def _all(tags: Collection[str] | None) -> Collection[str]:
    return [] if tags is None else tags
