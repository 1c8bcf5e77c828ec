"""Stories of failed calls in exports and in what stands behind a decision: what was paid is counted there too."""

from engine.core.history import RunHistory
from events.base import Event, Recorded, StreamId
from events.types.model import TryMade
from events.values import Usage
from replay.export.harbor.usage import used
from replay.impact import Timeline, total
from tests.projections.histories import recorded
from tests.support.outcomes import answered, failed

ATTEMPT = "attempt/a/1"
STATED = failed("malformed", 200, cost=6, usage=Usage(1000, 500, 0, None), retryable=True)
ANSWER = answered(4, Usage(100, 50, 0, None))
REFUSED = failed("rate_limit", 429, retryable=True)
CUT = failed("timeout", retryable=True)


def history(*events: Event, stream: str = ATTEMPT) -> list[Recorded]:
    """Put events into a stream."""
    return list(recorded((StreamId("r1", stream), each) for each in events))


def test_an_export_to_harbor_counts_what_failed_calls_took() -> None:
    """One retry no longer makes all of it unknown; one that may have been paid for, and does not say, does."""
    told = used(history(STATED, REFUSED, ANSWER), "m")
    assert (told.n_input_tokens, told.n_output_tokens, told.cost_usd) == (1100, 550, 10 / 1e9)
    assert used(history(CUT, ANSWER), "m").cost_usd is None
    assert used(history(CUT, ANSWER), "m").n_input_tokens is None
    older = answered(4, Usage(100, 50, 0, None), earlier=[TryMade(None, "timeout", 1.0)])
    assert used(history(older), "m").n_input_tokens is None
    assert used(history(REFUSED), "m").n_input_tokens is None


def test_what_stands_behind_a_decision_holds_failed_calls_and_those_of_other_makes() -> None:
    """Living it anew would cost them again; what was turned away cost nothing."""
    by_stream = {
        "trial/a": history(STATED, REFUSED, stream="trial/a"),
        ATTEMPT: history(CUT, ANSWER),
        "call/a/1/1": history(answered(None), stream="call/a/1/1"),
    }
    timeline = Timeline(RunHistory(by_stream, ()), {})
    behind = total(timeline.behind(stream, after, float("inf"), 0) for stream, after in timeline.left("trial/a", 0))
    assert timeline.threads == ("trial/a",)
    assert (behind.calls, behind.cost, behind.unknown_calls) == (4, 10, 2)
