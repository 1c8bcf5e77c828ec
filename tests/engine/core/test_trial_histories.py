"""A rerun reads one part after the other: what is not read yet is known by name, and never taken for nothing."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from typing_extensions import override

from engine.core.errors import RunUnknown
from engine.core.history import load_histories
from engine.core.lineage import Branch
from engine.core.trial_histories import EventReader, HistoryParts, TrialHistories, load_by_trial
from engine.runtime.fork import Fork, fork_run
from engine.runtime.run import start_run
from events.base import Draft, Event, Recorded, Ref, StreamId
from events.store.base import EVERYTHING, EventLog, Selection
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from events.types.sandbox import SandboxFailed
from replay.rerun import rerun
from tests.support.runs import make_base, setting, spec
from tests.support.worlds import Ticking

NOISE = SandboxFailed(kind="lost", detail="gone")
VERSIONS = {"run": 2, "trial/a": 2, "attempt/a/1": 3, "call/a/1/1": 1, "trial/b/c": 1, "attempt/b/c/1": 3, "trial/d": 2}


async def told(log: EventLog, versions: dict[str, int]) -> None:
    """Append so many events to each stream, side by side."""
    for number in range(max(versions.values())):
        for name, last in versions.items():
            if number < last:
                event: Event = NOISE
                await log.append(StreamId("r", name), [Draft(event, None)], expected_version=number)


def parts_of(log: EventLog) -> HistoryParts:
    """Those of the run that `told` tells of."""
    return HistoryParts(log, (Branch("r", None, {}),), VERSIONS)


def at_hand(histories: TrialHistories) -> list[str]:
    """List the streams that are read at this moment."""
    return [name for name in histories if _is_read(histories, name)]


def _is_read(histories: TrialHistories, name: str) -> bool:
    try:
        return len(histories[name]) == VERSIONS[name]
    except AssertionError:
        return False


async def test_a_part_is_at_hand_while_it_is_held() -> None:
    """An attempt with its calls, or a trial's own stream; an attempt goes while its trial stays."""
    log = MemoryLog(clock=Ticking())
    await told(log, VERSIONS)
    histories = TrialHistories(parts_of(log), ahead=1)
    await histories.read_own()
    assert at_hand(histories) == ["run"]
    async with histories.hold("trial/b/c"):
        assert at_hand(histories) == ["run", "trial/b/c"]
        async with histories.hold("attempt/b/c/1"):
            assert at_hand(histories) == ["run", "trial/b/c", "attempt/b/c/1"]
        assert at_hand(histories) == ["run", "trial/b/c"]
    async with histories.hold("attempt/a/1"), histories.hold("call/a/1/1"):
        assert at_hand(histories) == ["run", "attempt/a/1", "call/a/1/1"]
    assert at_hand(histories) == ["run"]
    async with histories.hold("trial/a"):
        assert len(histories["trial/a"]) == 2


@pytest.mark.parametrize(
    ("ahead", "beside"),
    [
        (5, []),
        (6, ["attempt/a/1", "call/a/1/1"]),
        (7, ["attempt/a/1", "call/a/1/1", "trial/b/c"]),
        (9, ["attempt/a/1", "call/a/1/1", "trial/b/c"]),
        (10, ["attempt/a/1", "call/a/1/1", "trial/b/c", "attempt/b/c/1"]),
        (99, ["attempt/a/1", "call/a/1/1", "trial/b/c", "attempt/b/c/1", "trial/d"]),
    ],
)
async def test_small_parts_are_read_together(ahead: int, beside: list[str]) -> None:
    """Those that come next, as far as all have no more events together; each goes when it was held."""
    log = MemoryLog(clock=Ticking())
    await told(log, VERSIONS)
    histories = TrialHistories(parts_of(log), ahead=ahead)
    async with histories.hold("trial/a"):
        assert at_hand(histories) == [name for name in VERSIONS if name == "trial/a" or name in beside]
    assert at_hand(histories) == [name for name in VERSIONS if name in beside]
    async with histories.hold("trial/d"):
        assert "trial/d" in at_hand(histories)
    assert "trial/d" not in at_hand(histories)


@pytest.mark.parametrize(
    ("ahead", "order", "waiting"),
    [
        (5, ["trial/d", "attempt/b/c/1", "trial/b/c", "trial/a"], [[], [], [], []]),
        (4, ["trial/b/c", "trial/a", "trial/d"], [["attempt/b/c/1"], ["attempt/b/c/1"], ["attempt/b/c/1"]]),
    ],
)
async def test_what_is_read_ahead_is_bounded(ahead: int, order: list[str], waiting: list[list[str]]) -> None:
    """In whatever order parts are taken: none is read ahead that was held before, and what waits counts."""
    log = MemoryLog(clock=Ticking())
    await told(log, VERSIONS)
    histories = TrialHistories(parts_of(log), ahead=ahead)
    for name, left in zip(order, waiting, strict=True):
        async with histories.hold(name):
            pass
        assert at_hand(histories) == left


async def test_a_trial_s_parts_are_in_one_batch() -> None:
    """Its decisions rest on each other; small trials share one, as far as all have no more events together."""
    log = MemoryLog(clock=Ticking())
    parts = parts_of(log)
    a, b, d = ["trial/a", "attempt/a/1"], ["trial/b/c", "attempt/b/c/1"], ["trial/d"]
    assert list(parts.batches(1)) == [[None], a, b, d]
    assert list(parts.batches(9)) == [[None], a, [*b, *d]]
    assert list(parts.batches(10)) == [[None], [*a, *b], d]
    assert list(parts.batches(12)) == [[None], [*a, *b, *d]]
    assert parts.names(a) == ["trial/a", "attempt/a/1", "call/a/1/1"]


@pytest.mark.parametrize(("kept", "read"), [(1, 4), (5, 4), (6, 3)])
async def test_single_events_are_given_from_parts_that_were_read_last(kept: int, read: int) -> None:
    """The file is asked again only for a part that had to go."""
    log = _Counting(clock=Ticking())
    await told(log, VERSIONS)
    events = EventReader(parts_of(log), kept=kept)
    for ref in (
        Ref("trial/a", 2),
        Ref("attempt/a/1", 3),
        Ref("call/a/1/1", 1),
        Ref("trial/d", 1),
        Ref("attempt/a/1", 1),
    ):
        found = await events.at(ref)
        assert found is not None
        assert found.ref == ref
    assert log.read_times == read
    assert [await events.at(Ref(name, version)) for name, version in [("trial/a", 0), ("trial/a", 3), ("x", 1)]] == [
        None,
        None,
        None,
    ]


class _Counting(MemoryLog):
    """Counts how often it is read."""

    read_times = 0

    @override
    def pages(self, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Recorded]]:
        """Give pages."""
        self.read_times += 1
        return super().pages(selection)


async def test_what_is_not_read_is_not_taken_for_nothing() -> None:
    """An actor that found no history would go on as if it lived. A stream that nobody wrote has none."""
    log = MemoryLog(clock=Ticking())
    await told(log, VERSIONS)
    histories = TrialHistories(parts_of(log))
    await histories.read_own()
    with pytest.raises(AssertionError, match="trial/a"):
        histories.get("trial/a", ())
    assert "trial/a" in histories
    assert list(histories) == list(VERSIONS)
    assert (len(histories), histories.events) == (7, 14)
    async with histories.hold("trial/new"):
        assert histories.get("trial/new", ()) == ()
    with pytest.raises(KeyError):
        histories["trial/new"]


async def test_what_comes_meanwhile_is_left_for_another_reading() -> None:
    """A run that lives goes on while it is run again."""
    log = MemoryLog(clock=Ticking())
    await told(log, VERSIONS)
    histories = TrialHistories(parts_of(log))
    await log.append(StreamId("r", "trial/a"), [Draft(NOISE, None)], expected_version=2)
    async with histories.hold("trial/a"):
        assert len(histories["trial/a"]) == 2


@pytest.mark.slow
async def test_a_run_and_its_fork_are_run_again_part_by_part(tmp_path: Path) -> None:
    """Their histories are those that are read at once, a fork's with what it shares; the reruns come out the same."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=Ticking()) as log:
        means = await setting(log, make_base(tmp_path))
        made = await start_run(means, spec(repeats=3))
        planned = [each.position async for each in log.read(Selection(run=made.run, tags=("trial.attempt_planned",)))]
        forked = await fork_run(means, Fork(made.run, planned[-2], spec(repeats=3), ()))
        again = await fork_run(means, Fork(forked.run, planned[1], spec(repeats=3), ()))
        for run in (made.run, forked.run, again.run):
            whole = await load_histories(log, run)
            parts, trials = await load_by_trial(log, run)
            assert parts._replace(by_stream={}) == whole._replace(by_stream={})
            assert (parts.opened, parts.closed) == (whole.opened, whole.closed)
            assert set(parts.by_stream) == set(whole.by_stream)
            for name, history in whole.by_stream.items():
                async with trials.hold(name):
                    assert list(parts.by_stream[name]) == list(history)
            report = await rerun(log, run)
            assert (report.events, report.streams) == (sum(map(len, whole.by_stream.values())), len(whole.by_stream))
            assert report.complete
    with pytest.raises(RunUnknown):
        await load_by_trial(MemoryLog(clock=Ticking()), "none")
