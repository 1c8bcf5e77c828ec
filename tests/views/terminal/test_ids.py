"""Ids are typed by people: shortened, relative, and refused when they could mean two things."""

import pytest

from events.base import StreamId
from events.store.base import EventLog
from tests.views.histories import record, trial_opened, whole
from views.terminal.errors import IdAmbiguous, IdUnknown
from views.terminal.ids import (
    AttemptTarget,
    EventTarget,
    PlaceTarget,
    RunTarget,
    Target,
    TrialTarget,
    find_run,
    find_target,
)


async def three_runs(log: EventLog) -> EventLog:
    """Record three runs, the last of them whole."""
    for run in ("abc111", "abd222", "xyz333"):
        await record(log, run, [trial_opened("greet")] if run != "xyz333" else whole(log))
    return log


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("abc111", "abc111"),
        ("abd", "abd222"),
        ("x", "xyz333"),
        ("@latest", "xyz333"),
        ("@latest~", "abd222"),
        ("@latest~2", "abc111"),
        ("xyz~1", "abd222"),
    ],
)
async def test_a_run_is_found_by_as_little_as_says_which(log: EventLog, text: str, run: str) -> None:
    """Like a git hash: as short as it stays unique, or counted back from another."""
    assert await find_run(await three_runs(log), text) == run


async def test_what_begins_two_ids_lists_both(log: EventLog) -> None:
    """A guess would act on the wrong run."""
    with pytest.raises(IdAmbiguous) as refused:
        await find_run(await three_runs(log), "ab")
    assert refused.value.matches == ("abc111", "abd222")


@pytest.mark.parametrize("text", ["nope", "@latest~3", "xyz~99", "", "~1"])
async def test_what_means_no_run_is_named(log: EventLog, text: str) -> None:
    """Counting back past the first run ends in an error, not in the last."""
    with pytest.raises(IdUnknown):
        await find_run(await three_runs(log), text)


async def test_an_empty_log_has_no_latest_run(log: EventLog) -> None:
    """There is nothing to guess from."""
    with pytest.raises(IdUnknown, match="no run @latest"):
        await find_run(log, "@latest")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("abc", RunTarget("abc111")),
        ("greet", TrialTarget("xyz333", "greet")),
        ("gr", TrialTarget("xyz333", "greet")),
        ("abd:greet", TrialTarget("abd222", "greet")),
        ("greet/2", AttemptTarget("xyz333", "greet", 2)),
        ("@latest:greet/1", AttemptTarget("xyz333", "greet", 1)),
        ("17", EventTarget(17)),
        ("trial/greet@3", PlaceTarget(StreamId("xyz333", "trial/greet"), 3)),
        ("greet@3", PlaceTarget(StreamId("xyz333", "trial/greet"), 3)),
        ("xyz:greet/2@1", PlaceTarget(StreamId("xyz333", "attempt/greet/2"), 1)),
    ],
)
async def test_everything_in_a_run_has_an_address(log: EventLog, text: str, target: Target) -> None:
    """A run, a trial, an attempt, an event: each can be asked for."""
    assert await find_target(await three_runs(log), text) == target


@pytest.mark.parametrize("text", ["", "xyz:", "greet/9", "greet@99", "xyz:nope", "nope", "nope@1", "abc:greet/1"])
async def test_an_address_of_nothing_is_refused(log: EventLog, text: str) -> None:
    """With what there is instead, so that the next try succeeds."""
    with pytest.raises(IdUnknown) as refused:
        await find_target(await three_runs(log), text)
    assert refused.value.remedy
