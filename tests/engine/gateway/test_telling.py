"""Stories of what other calls learn of one: a refusal or an overload reaches the room, wherever it is said."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import msgspec
import pytest

from engine.concurrency.adaptive_limit import Bounds
from engine.concurrency.limiter import AdaptiveLimiter
from engine.concurrency.pools import room_of
from engine.core.system import clock
from events.types.model import ModelFailed
from events.types.pool import PoolLimited
from tests.support.knocking import BODY, PATH
from tests.support.provider import ANSWER, Provider, serving, whole
from tests.support.visits import Behind, house
from tests.support.worlds import memory_log

STREAM = "Content-Type: text/event-stream"


def streamed(*events: bytes) -> bytes:
    """Write an answer as a stream of events that ends."""
    body = b"".join(b"data: " + each + b"\n\n" for each in events)
    head = ("HTTP/1.1 200 OK", STREAM, f"Content-Length: {len(body)}", "\r\n")
    return "\r\n".join(head).encode() + body


def refused(body: bytes = b'{"error":{"message":"no"}}', *headers: str, status: str = "429 Too Many Requests") -> bytes:
    """Write a refusal."""
    return whole(body, *headers, status=status)


class ToldChanges:
    """What a room tells of its changes."""

    def __init__(self) -> None:
        self.changes: list[PoolLimited] = []
        self.room = AdaptiveLimiter("calls", Bounds(64, 1, 64), self.changes.append)

    @property
    def reasons(self) -> list[tuple[str, float | None]]:
        """Why, and for how many seconds."""
        return [(each.reason, each.wait_s) for each in self.changes]


@asynccontextmanager
async def asked(answer: bytes, folder: Path) -> AsyncIterator[tuple[ToldChanges, list[object]]]:
    """Ask through the gateway once, and give what the room and the log learnt."""
    told = ToldChanges()
    async with (
        serving(Provider(answer)) as provider,
        house(memory_log(), folder, behind=Behind(base_url=provider.base_url, room=told.room)) as here,
    ):
        await here.ask(PATH, msgspec.json.decode(BODY))
        yield told, list(await here.recorded())


BEGUN = b'{"choices":[{"index":0,"delta":{"content":"I lo"}}]}'


@pytest.mark.parametrize(
    ("answer", "reason", "wait_s"),
    [
        (refused(), "refused", 0.0),
        (refused(b"{}", "Retry-After: 3"), "refused", 3.0),
        (refused(b"{}", "Retry-After: 2.5"), "refused", 2.5),
        (refused(b"{}", "retry-after-ms: 1500"), "refused", 1.5),
        (refused(b'{"error":{"message":"Please try again in 20s"}}'), "refused", 20.0),
        (refused(b"{}", status="503 Service Unavailable"), "overloaded", 0.0),
        (streamed(BEGUN, b'{"error":{"code":429,"message":"try again in 7s"}}'), "refused", 7.0),
        (streamed(BEGUN, b'{"error":{"type":"overloaded_error","message":"Overloaded"}}'), "overloaded", 0.0),
        (whole(b'{"error":{"code":429,"message":"slow down"}}'), "refused", 0.0),
        (whole(b'{"error":{"code":"529","message":"too much"}}'), "overloaded", 0.0),
    ],
)
async def test_a_refusal_reaches_the_room_wherever_it_is_said(
    answer: bytes, reason: str, wait_s: float, tmp_path: Path
) -> None:
    """In a status, in a stream that began well, in the body of a 200; with what it says of waiting."""
    async with asked(answer, tmp_path) as (told, recorded):
        assert told.reasons == [(reason, wait_s)]
        assert isinstance(recorded[-1], ModelFailed)


async def test_a_date_to_wait_for_is_read_as_one(tmp_path: Path) -> None:
    """As HTTP allows."""
    then = datetime.fromtimestamp(clock() / 1e6, UTC) + timedelta(seconds=600)
    async with asked(refused(b"{}", f"Retry-After: {format_datetime(then, usegmt=True)}"), tmp_path) as (told, _):
        ((reason, wait_s),) = told.reasons
        assert reason == "refused"
        assert wait_s is not None
        assert 500 < wait_s <= 601


@pytest.mark.parametrize(
    "answer",
    [
        whole(),
        refused(b'{"error":{"code":"1113","message":"no balance"}}'),
        refused(b"{}", status="402 Payment Required"),
        refused(b"{}", status="400 Bad Request"),
        refused(b"{}", status="500 Internal Server Error"),
    ],
)
async def test_what_fewer_calls_would_not_help_slows_nobody_down(answer: bytes, tmp_path: Path) -> None:
    """Spent credit comes with a 429, too; other calls fail as fast without a wait."""
    async with asked(answer, tmp_path) as (told, _):
        assert told.reasons == []


async def test_an_answers_tokens_and_what_is_left_reach_the_room(tmp_path: Path) -> None:
    """So that calls are spaced out before they are refused, by agents of other makes like by our own."""
    left = ("x-ratelimit-remaining-requests: 1", "x-ratelimit-limit-requests: 60", "x-ratelimit-reset-requests: 60s")
    async with asked(whole(ANSWER, *left), tmp_path) as (told, _):
        assert [each.reason for each in told.changes] == ["low"]
    assert room_of(1, "calls").limit == 1
