"""Stories of the store of scores during a training: a pass is looked up as of its beginning, and reads what is new."""

from typing import Any

from typing_extensions import override

from engine.core.fold import fold_further
from engine.core.ports import EffectAddress
from engine.core.snapshots import find
from engine.programs.train.program import BatchStore
from events.base import Draft, Event, Ref, StreamId
from events.digest import Digest, digest_of
from events.store.base import EVERYTHING, Head, Selection
from events.store.memory import MemoryLog
from events.streams import cell_name, cell_stream
from events.types.evaluation import CellOpened, EvaluationAsked, EvaluationFound, EvaluationMissing, EvaluationScored
from projections.evaluations import Evaluations
from tests.support.worlds import Ticking

CONDITION = digest_of(b"condition")


class PositionsLog(MemoryLog):
    """A log that notes after which position it was read."""

    def __init__(self) -> None:
        super().__init__(clock=Ticking())
        self.after: list[int] = []

    @override
    def pages(self, selection: Selection = EVERYTHING) -> Any:
        """Read."""
        self.after.append(selection.after)
        return super().pages(selection)


async def scored(log: MemoryLog, arm: str, key: Digest) -> None:
    """Store a score of one cell."""
    stream = cell_stream(cell_name(arm, "room", 1))
    opened = CellOpened(arm, "room", "room", 1, key, CONDITION)
    score = EvaluationScored(key, True, 1.0, Ref("item/room", 5))
    await log.append(StreamId("r1", stream), [Draft(opened, None), Draft(score, None)], expected_version=0)


async def asked(store: BatchStore, arm: str, key: Digest) -> Event:
    """Look a cell up."""
    place = EffectAddress("r1", cell_stream(cell_name(arm, "room", 1)), 2)
    return await store(EvaluationAsked(key, "all"), place)


async def test_each_pass_goes_on_where_the_last_but_one_ended() -> None:
    """Two may be looked up side by side; a training of a thousand passes would else read its log a thousand times."""
    log, keys = PositionsLog(), [digest_of(str(number).encode()) for number in range(4)]
    store = BatchStore(log, ())
    for number, arm in enumerate(["first", "second", "third", "fourth"]):
        # Given a score that is stored before each pass begins, and one meanwhile, which is for the next
        await scored(log, f"before {arm}", keys[number])
        found = await asked(store, arm, keys[number])
        assert isinstance(found, EvaluationFound)
        assert (found.as_of, found.position) == (2 * number + 2, 2 * number + 2)
        for later in keys[number + 1 :]:
            assert await asked(store, arm, later) == EvaluationMissing(2 * number + 2)
        # Then all earlier ones are found as well
        for earlier in keys[:number]:
            assert isinstance(await asked(store, arm, earlier), EvaluationFound)
    assert log.after == [0, 0, 2, 4]


async def test_passes_side_by_side_each_keep_the_place_they_began_at() -> None:
    """What one of them stores is not found by half of the other."""
    log, one, two = PositionsLog(), digest_of(b"one"), digest_of(b"two")
    store = BatchStore(log, ())
    assert await asked(store, "first", one) == EvaluationMissing(0)
    await scored(log, "first", one)
    assert isinstance(await asked(store, "second", one), EvaluationFound)
    await scored(log, "second", two)
    assert await asked(store, "first", one) == EvaluationMissing(0)
    assert await asked(store, "second", two) == EvaluationMissing(2)
    # When a third begins, the first has ended; were it asked again, it would be as of then
    assert isinstance(await asked(store, "third", two), EvaluationFound)
    assert await asked(store, "second", two) == EvaluationMissing(2)
    assert isinstance(await asked(store, "first", two), EvaluationFound)


async def test_what_is_folded_further_is_kept_each_time_it_has_gone_far() -> None:
    """The next process need not begin at the beginning, and no pass keeps anything for a few events."""
    log = PositionsLog()
    evaluations, state = Evaluations(), Evaluations().initial()
    kept = []
    for number in range(1, 6):
        await scored(log, f"pass{number}", digest_of(str(number).encode()))
        head = Head(2 * number, (await log.head()).digest)
        state = await fold_further(log, evaluations, (2 * number - 2, state), head, far=4)
        found = await find(log, evaluations.name, evaluations.revision)
        kept.append(0 if found is None else found.position)
    assert kept == [0, 4, 4, 8, 8]
    assert len(state.stored) == 5
