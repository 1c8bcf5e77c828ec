"""Stories of what stands behind a place: what a thread takes with it when it leaves, and what it does not touch."""

from engine.core.history import RunHistory
from events.base import Event, Recorded, Ref, StreamId
from events.digest import digest_of
from events.types.attempt import AttemptAbandoned
from events.types.trial import AttemptPlanned, TrialClosed
from replay.impact import Timeline, total

EVENT = AttemptAbandoned("sandbox_lost", "")
PLANNED = AttemptPlanned(1, "none", None)


def at(stream: str, version: int, position: int, event: Event = EVENT) -> Recorded:
    """Put an event somewhere."""
    return Recorded(position, StreamId("r1", stream), version, None, 0, event, b"", digest_of(b""))


def timeline(**streams: list[tuple[int, Event]]) -> Timeline:
    """Give a run by stream, ``_`` for a slash: positions and events."""
    by_stream = {
        name.replace("_", "/"): [at(name.replace("_", "/"), n, *each) for n, each in enumerate(events, 1)]
        for name, events in streams.items()
    }
    return Timeline(RunHistory(by_stream, ()), {})


RUN = timeline(
    run=[(1, EVENT), (40, EVENT)],
    trial_a=[(2, EVENT), (4, PLANNED), (10, PLANNED), (20, TrialClosed("unsolved", 2, None))],
    attempt_a_1=[(5, EVENT), (9, EVENT)],
    call_a_1_1=[(6, EVENT), (8, EVENT)],
    attempt_a_2=[(11, EVENT), (19, EVENT)],
    trial_b=[(12, EVENT), (14, PLANNED), (30, EVENT)],
    attempt_b_1=[(15, EVENT)],
)


def test_a_trial_takes_what_it_began_later_and_the_run_from_where_it_gathers_it() -> None:
    """Another trial that was begun beside it goes on, though it was begun after that place."""
    assert dict(RUN.left("trial/a", 10)) == {"trial/a": 10, "attempt/a/2": 0, "run": 39}
    assert dict(RUN.left("trial/b", 14)) == {"trial/b": 14, "attempt/b/1": 0, "run": 39}


def test_an_attempt_takes_its_trial_from_where_that_learns_of_it() -> None:
    """And all that the trial began after that; calls that were begun before the place stay."""
    assert dict(RUN.left("attempt/a/1", 7)) == {"attempt/a/1": 7, "trial/a": 9, "attempt/a/2": 0, "run": 39}
    assert dict(RUN.left("attempt/a/1", 5))["call/a/1/1"] == 0


def test_an_attempt_that_the_place_itself_begins_is_behind_it() -> None:
    """It was told something else; the one before was not."""
    behind = total(RUN.behind(stream, after, float("inf"), 0) for stream, after in RUN.left("trial/a", 10))
    assert behind.attempts == 1
    assert total(RUN.behind(*each, float("inf"), 0) for each in RUN.left("trial/a", 4)).attempts == 2


def test_threads_are_the_topmost_streams() -> None:
    """A run's own among them."""
    assert RUN.threads == ("run", "trial/a", "trial/b")
    assert RUN.attempt_follows("trial/a", 9)
    assert not RUN.attempt_follows("trial/a", 10)
    assert Ref("trial/a", 3) == at("trial/a", 3, 10).ref
