"""Stories of what broke in an attempt, as Harbor names it."""

import pytest
from msgspec.structs import replace

from events.base import Event, Recorded, StreamId
from events.codec import encode
from events.digest import digest_of
from events.types.agent import AgentRunFinished, CallUnanswered
from events.types.attempt import AgentEnded
from replay.export.harbor.problems import problem_of
from tests.events.samples import sample

STREAM = StreamId("r", "attempt/word/1")


def recorded(*events: Event) -> list[Recorded]:
    """Put events into the history of an attempt."""
    return [
        Recorded(n, STREAM, n, None, 1_000_000 * n, event, encode(event), digest_of(b"chain"))
        for n, event in enumerate(events, 1)
    ]


@pytest.mark.parametrize(
    ("kinds", "name"),
    [
        (("server", "rate_limit"), "ApiRateLimitError"),
        (("authentication",), "AgentAuthenticationError"),
        (("bad_request",), "UnknownApiError"),
        ((), "AgentFailed"),
    ],
)
def test_an_agent_of_another_make_is_named_by_its_last_call(kinds: tuple[str, ...], name: str) -> None:
    """Its calls stand in streams of their own; the event of its run says which of them failed last."""
    run = sample(AgentRunFinished)
    finished = replace(run, unanswered=tuple(CallUnanswered(kind, "so it is") for kind in kinds))
    found = problem_of(recorded(finished, AgentEnded("failed", "so it is", 1)))
    assert found is not None
    assert found.exception_type == name
