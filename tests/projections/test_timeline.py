"""When what happened: time counts while a process has the run, and what nobody timed is told by its order."""

from typing import Any

from events.base import Event, Recorded, Ref, StreamId
from events.digest import digest_of
from events.types.attempt import AgentEnded, AttemptAbandoned, AttemptOpened
from events.types.evaluation import EvaluationScored
from events.types.model import ModelAsked
from events.types.run import RunImported
from events.types.session import SessionEnded, SessionStarted
from events.types.trial import AttemptConcluded, AttemptPlanned, TrialClosed, TrialOpened
from events.values import Outcome, Usage
from projections.timeline import RunTimeline, SpentBy, Timelines, in_order
from tests.projections.histories import folded, recorded
from tests.support.outcomes import answered

TEXT = digest_of(b"")
SECOND = 1_000_000


def told(*story: tuple[int, str, Event]) -> RunTimeline:
    """Fold a story: seconds, stream and event."""
    history = recorded([(StreamId("r1", stream), event) for _, stream, event in story])
    timed: list[Recorded] = [each._replace(at=at * SECOND) for each, (at, *_) in zip(history, story, strict=True)]
    state: Any = folded(Timelines(), timed)
    run: RunTimeline = state.runs["r1"]
    return run


def concluded(number: int, kind: Any, reward: float | None) -> AttemptConcluded:
    """An attempt was judged."""
    return AttemptConcluded(number, Outcome(kind, reward, ""), "FAIL", 0, 1, TEXT, TEXT)


STARTED = SessionStarted("live", 1, "host:1:1", "0.1.0")
OPENED = TrialOpened("greet", "default", 3)


def test_an_attempt_has_its_times_and_what_it_was_told() -> None:
    """From its plan to its verdict; the verifier's part begins where the agent ended."""
    run = told(
        (100, "session", STARTED),
        (101, "trial/greet", OPENED),
        (102, "trial/greet", AttemptPlanned(1, "soft", None)),
        (103, "attempt/greet/1", AttemptOpened("greet", 1, "shell", TEXT)),
        (107, "attempt/greet/1", AgentEnded("done", "", 2)),
        (109, "trial/greet", concluded(1, "solved", 1.0)),
        (112, "trial/greet", TrialClosed("solved", 1, 1.0)),
    )
    (attempt,) = run.trials["greet"].points()
    assert (attempt.began, attempt.acted, attempt.ended) == (2 * SECOND, 7 * SECOND, 9 * SECOND)
    assert (attempt.outcome, attempt.reward, attempt.intervention) == ("solved", 1.0, "soft")
    assert run.trials["greet"].solved == 9 * SECOND, "when it was judged, not when its skill was written"
    assert run.solved_shares() == [(0, 0.0), (9 * SECOND, 1.0), (12 * SECOND, 1.0)]


def test_time_stands_still_while_nobody_has_the_run() -> None:
    """A run that is resumed after a week took no week; where it was resumed is marked."""
    run = told(
        (0, "session", STARTED),
        (1, "trial/greet", OPENED),
        (5, "session", SessionEnded("interrupted")),
        (700_000, "session", SessionStarted("resume", 2, "host:2:2", "0.1.0")),
        (700_003, "trial/greet", TrialClosed("unsolved", 0, None)),
    )
    assert (run.now, run.resumed, run.idle) == (8 * SECOND, [5 * SECOND], 699_995 * SECOND)
    assert run.trials["greet"].ended == 8 * SECOND
    assert run.trials["greet"].solved is None


def test_a_clock_that_was_set_back_stands_still() -> None:
    """No attempt takes less than no time."""
    run = told(
        (10, "session", STARTED),
        (20, "trial/greet", OPENED),
        (5, "trial/greet", AttemptPlanned(1, "none", None)),
        (6, "trial/greet", concluded(1, "failed", 0.0)),
    )
    (attempt,) = run.trials["greet"].points()
    assert (attempt.began, attempt.ended) == (10 * SECOND, 10 * SECOND)


def test_what_was_abandoned_is_no_failure() -> None:
    """It has an end and no reward."""
    run = told(
        (0, "trial/greet", OPENED),
        (1, "attempt/greet/1", AttemptOpened("greet", 1, "shell", TEXT)),
        (2, "attempt/greet/1", AttemptAbandoned("sandbox_lost", "")),
    )
    (attempt,) = run.trials["greet"].points()
    assert (attempt.outcome, attempt.reward, attempt.ended) == ("abandoned", None, 2 * SECOND)


def test_what_was_spent_grows_call_by_call() -> None:
    """Known costs and calls without one stand side by side; calls that cost nothing leave no step."""
    asked = ModelAsked("teacher", "m", TEXT, None, {}, stream=False, timeout_s=None)
    usage = Usage(1, 1, None, None)
    run = told(
        (0, "attempt/greet/1", asked),
        (1, "attempt/greet/1", answered(700, usage)),
        (2, "attempt/greet/1", asked),
        (3, "attempt/greet/1", answered(None, usage)),
        (4, "attempt/greet/1", asked),
        (5, "attempt/greet/1", answered(0, usage)),
    )
    assert run.spent == [SpentBy(1 * SECOND, 700, 0), SpentBy(3 * SECOND, 700, 1)]


def test_items_that_are_no_tasks_are_told_by_their_scores() -> None:
    """Of those that were scored so far."""
    key = digest_of(b"")
    rolled = Ref("item/x", 1)
    run = told(
        (0, "session", STARTED),
        (1, "cell/a/i/1", EvaluationScored(key=key, solved=True, reward=None, rolled=rolled)),
        (2, "cell/a/j/1", EvaluationScored(key=key, solved=False, reward=None, rolled=rolled)),
    )
    assert run.solved_shares() == [(1 * SECOND, 1.0), (2 * SECOND, 0.5)]


def test_an_imported_run_is_told_by_the_order_of_its_attempts() -> None:
    """Its events have the time of the import, which says nothing of when attempts were made."""
    run = told(
        (50, "run", RunImported("spark", "greet", (), None, None, None, ())),
        (50, "trial/greet", OPENED),
        (50, "trial/greet", concluded(0, "failed", 0.0)),
        (50, "trial/greet", concluded(1, "solved", 1.0)),
        (50, "trial/greet", TrialClosed("solved", 2, 1.0)),
        (50, "trial/other", TrialOpened("other", "default", 3)),
        (50, "trial/other", concluded(0, "failed", 0.0)),
    )
    assert run.imported
    placed = in_order(run)
    assert [(each.number, each.began, each.ended) for each in placed.trials["greet"].points()] == [(0, 0, 1), (1, 1, 2)]
    assert placed.now == 2
    assert placed.solved_shares() == [(0, 0.0), (2, 0.5), (2, 0.5)]
