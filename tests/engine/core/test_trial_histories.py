"""A rerun reads one trial after the other: what is not read yet is known by name, and never taken for nothing."""

from pathlib import Path

import pytest

from engine.core.errors import RunUnknown
from engine.core.history import load_histories
from engine.core.lineage import SESSION
from engine.core.trial_histories import TrialHistories, load_by_trial
from engine.runtime.run import start_run
from events.base import Draft, Event, StreamId
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from events.streams import RUN
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


def at_hand(histories: TrialHistories) -> list[str]:
    """List the streams that are read at this moment."""
    return [name for name in histories if _is_read(histories, name)]


def _is_read(histories: TrialHistories, name: str) -> bool:
    try:
        return len(histories[name]) == VERSIONS[name]
    except AssertionError:
        return False


async def test_a_trial_is_at_hand_while_it_is_held() -> None:
    """With all its streams, and they alone beside the run's own; those of an actor below need nothing more."""
    log = MemoryLog(clock=Ticking())
    await told(log, VERSIONS)
    histories = TrialHistories(log, "r", VERSIONS, ahead=1)
    await histories.read_own()
    assert at_hand(histories) == ["run"]
    async with histories.hold("trial/b/c"):
        async with histories.hold("attempt/b/c/1"):
            assert at_hand(histories) == ["run", "trial/b/c", "attempt/b/c/1"]
        assert at_hand(histories) == ["run", "trial/b/c", "attempt/b/c/1"]
    async with histories.hold("trial/a"):
        assert at_hand(histories) == ["run", "trial/a", "attempt/a/1", "call/a/1/1"]
    assert at_hand(histories) == ["run"]
    async with histories.hold("trial/a"):
        assert len(histories["trial/a"]) == 2


@pytest.mark.parametrize(
    ("ahead", "beside"),
    [
        (7, []),
        (9, ["trial/d"]),
        (10, ["trial/b/c", "attempt/b/c/1"]),
        (12, ["trial/b/c", "attempt/b/c/1", "trial/d"]),
    ],
)
async def test_small_trials_are_read_together(ahead: int, beside: list[str]) -> None:
    """As many as come next and have no more events together; each goes when it was held."""
    log = MemoryLog(clock=Ticking())
    await told(log, VERSIONS)
    histories = TrialHistories(log, "r", VERSIONS, ahead=ahead)
    async with histories.hold("trial/a"):
        assert at_hand(histories) == ["trial/a", "attempt/a/1", "call/a/1/1", *beside]
    assert at_hand(histories) == beside
    async with histories.hold("trial/d"):
        assert "trial/d" in at_hand(histories)
    assert "trial/d" not in at_hand(histories)


async def test_what_is_not_read_is_not_taken_for_nothing() -> None:
    """An actor that found no history would go on as if it lived. A stream that nobody wrote has none."""
    log = MemoryLog(clock=Ticking())
    await told(log, VERSIONS)
    histories = TrialHistories(log, "r", VERSIONS)
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
    histories = TrialHistories(log, "r", VERSIONS)
    await log.append(StreamId("r", "trial/a"), [Draft(NOISE, None)], expected_version=2)
    async with histories.hold("trial/a"):
        assert len(histories["trial/a"]) == 2


async def test_a_run_is_run_again_trial_by_trial(tmp_path: Path) -> None:
    """Its histories are those that are read at once, and the rerun comes out the same."""
    async with await SqliteLog.open(tmp_path / "log.db", clock=Ticking()) as log:
        made = await start_run(await setting(log, make_base(tmp_path)), spec(repeats=3))
        whole = await load_histories(log, made.run)
        parts, trials = await load_by_trial(log, made.run)
        assert trials is not None
        assert (parts.opened, parts.closed, parts.sessions) == (whole.opened, whole.closed, whole.sessions)
        for name, history in whole.by_stream.items():
            async with trials.hold(name):
                assert list(parts.by_stream[name]) == list(history)
        assert {RUN, SESSION} <= set(parts.by_stream)
        again = await rerun(log, made.run)
        assert (again.events, again.streams) == (sum(map(len, whole.by_stream.values())), len(whole.by_stream))
        assert again.complete
    with pytest.raises(RunUnknown):
        await load_by_trial(MemoryLog(clock=Ticking()), "none")
