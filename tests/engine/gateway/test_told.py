"""Stories of what an agent is told: it is on record with its headers, and told again in the same words."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from engine.core.history import load_histories
from engine.gateway.headers import told_headers
from events.base import Draft, StreamId
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.types.agent import CallAsked, CallFailed, CallReceived, HeaderTold
from events.types.model import ModelAnswered, ModelFailed
from events.values import Usage
from replay.agents.calls import RecordedReply, RecordedRequest
from replay.agents.replay import AgentReplay, RecordedEndpoint, recorded_calls
from tests.support.visits import KEY, Behind, house
from tests.support.worlds import memory_log
from views.replay.agents import replay_row

PATH = "/v1/chat/completions"
BODY = {"model": "m", "messages": [{"role": "user", "content": "Work."}]}
LIMITED = {
    "Retry-After": "0",
    "X-RateLimit-Remaining-Requests": "0",
    "x-should-retry": "true",
    "X-Request-Id": "req-17",
    "Set-Cookie": "session=secret-of-the-account",
    "openai-organization": "someone",
    "X-Ratelimit-Key": KEY,
}
GOOD = b'{"id":"x","choices":[{"message":{"role":"assistant","content":"Hi."},"finish_reason":"stop"}]}'


@asynccontextmanager
async def provider(answer: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    """Serve a provider of one's own; give its address."""
    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def limited(request: web.Request) -> web.Response:
    """Turn a request away for now."""
    del request
    return web.json_response({"error": {"message": "slow down"}}, status=429, headers=LIMITED)


async def half(request: web.Request) -> web.StreamResponse:
    """Begin a stream, and break off."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Request-Id": "req-18"})
    await response.prepare(request)
    await response.write(b'data: {"choices":[{"delta":{"content":"Hal"}}]}\n\n')
    assert request.transport is not None
    request.transport.close()
    return response


async def nobody(request: web.Request) -> web.StreamResponse:
    """Leave without a word."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def good(request: web.Request) -> web.Response:
    """Answer."""
    del request
    return web.Response(body=GOOD, content_type="application/json", headers={"X-Request-Id": "req-19"})


async def heard(client: httpx.AsyncClient, url: str) -> tuple[int, dict[str, str], bytes, bool]:
    """Ask, and take down all that is told: status, headers, body, and whether it came to its end."""
    data = b""
    async with client.stream(
        "POST", url, json=BODY, headers={"Authorization": "Bearer token-of-the-first-attempt"}
    ) as got:
        try:
            async for piece in got.aiter_bytes():
                data += piece
        except httpx.RemoteProtocolError:
            return got.status_code, dict(got.headers), data, False
    return got.status_code, dict(got.headers), data, True


ANSWERS = {"a limit": limited, "half a stream": half, "no answer": nobody, "an answer": good}


@pytest.mark.parametrize("story", ANSWERS)
async def test_what_an_agent_was_told_is_told_again(story: str, log: EventLog, tmp_path: Path) -> None:
    """Status, headers, body and how it ended: an agent that is run again must not stop where it went on."""
    async with provider(ANSWERS[story]) as base_url, house(log, tmp_path, behind=Behind(base_url=base_url)) as here:
        async with here.client() as client:
            then = await heard(client, PATH)
        await here.recorded()
    (asked,) = [each async for each in recorded_calls(log, await load_histories(log, "r1"), "call/t/1/")]
    assert asked.reply.recorded
    recall, again_in = RecordedEndpoint([asked]), tmp_path / "again"
    again_in.mkdir()
    async with (
        provider(recall.answer) as base_url,
        house(memory_log(), again_in, behind=Behind(base_url=base_url)) as here,
        here.client() as client,
    ):
        again = await heard(client, PATH)
    names = {"content-type", *(each for each in then[1] if each.startswith(("x-", "retry")))}
    assert again[0] == then[0]
    assert {name: again[1].get(name) for name in names} == {name: then[1].get(name) for name in names}
    assert again[2:] == then[2:]
    assert (recall.unasked, recall.headerless, recall.difference) == (0, 0, None)


async def test_headers_that_agents_go_by_are_on_record_and_no_others(log: EventLog, tmp_path: Path) -> None:
    """A cookie, the name of an account and anything with the key stay with the provider."""
    async with provider(limited) as base_url, house(log, tmp_path, behind=Behind(base_url=base_url)) as here:
        got = await here.ask(PATH, BODY)
        failed = (await here.recorded())[-1]
    assert isinstance(failed, CallFailed)
    told = {each.name: each.value for each in failed.told.headers}
    assert told == {
        "content-type": "application/json; charset=utf-8",
        "retry-after": "0",
        "x-ratelimit-remaining-requests": "0",
        "x-request-id": "req-17",
        "x-should-retry": "true",
    }
    assert (failed.told.status, failed.told.body, failed.told.whole) == (429, None, True)
    assert not {"set-cookie", "openai-organization", "x-ratelimit-key"} & got.headers.keys()
    assert KEY not in str(got.headers)


def test_values_that_cannot_be_written_down_are_left_out() -> None:
    """A header may hold any bytes, and any number of them."""
    given = [("X-Request-Id", "a\udcff"), ("request-id", "x" * 1_001), ("Retry-After", "3"), ("cf-ray", "x" * 1_000)]
    assert told_headers(given, None) == (HeaderTold("retry-after", "3"), HeaderTold("cf-ray", "x" * 1_000))


@pytest.fixture
def log() -> MemoryLog:
    """An empty one."""
    return memory_log()


NOTHING = Usage(None, None, None, None)


def before(log: EventLog, kind: str, status: int | None, body: bytes | None) -> ModelFailed:
    """Make a failure as it was recorded before headers were."""
    reply = None if body is None else log.put(body)
    return ModelFailed(kind, status, "then", reply, NOTHING, None, None, False, None, ())


@pytest.mark.parametrize(
    ("kind", "status", "body", "told"),
    [
        ("rate_limit", 429, b'{"error":1}', (429, "application/json", b'{"error":1}', True)),
        ("network", 200, b"data: ha", (200, "text/event-stream", b"data: ha", False)),
        ("network", 200, b'{"cut', (502, "application/json", b"did not answer", True)),
        ("timeout", None, None, (502, "application/json", b"did not answer", True)),
        ("malformed", 200, b"data: odd\n\n", (200, "text/event-stream", b"data: odd\n\n", True)),
    ],
)
async def test_of_older_logs_only_the_headers_are_guessed(
    kind: str, status: int | None, body: bytes | None, told: tuple[int, str, bytes, bool], log: EventLog
) -> None:
    """Nobody recorded them: an answer says what its body looks like, and that it was guessed is said."""
    reply = await replied(log, before(log, kind, status, body))
    assert (reply.status, reply.headers[0][1], reply.whole, reply.recorded) == (told[0], told[1], told[3], False)
    assert told[2] in reply.body
    assert RecordedEndpoint([]).headerless == 0


async def test_an_answer_of_an_older_log_is_told_as_what_it_looks_like(log: EventLog) -> None:
    """A stream is one, though nothing says so."""
    digest = log.put(b"data: {}\n\n")
    event = ModelAnswered(digest, digest, digest, None, (), None, None, NOTHING, None, None, 200, ())  # type: ignore[arg-type]
    reply = await replied(log, event)
    assert (reply.status, reply.headers, reply.whole) == (200, (("content-type", "text/event-stream"),), True)


async def replied(log: EventLog, outcome: ModelAnswered | ModelFailed) -> RecordedReply:
    """Record a call with this outcome, and read what its agent was told."""
    request = log.put(b"{}")
    came = CallReceived("teacher", "chat", PATH, "m", False, request, None, "")
    drafts = [Draft(each, None) for each in (came, CallAsked("teacher", "m", request), outcome)]
    await log.append(StreamId("r1", "call/t/1/1"), drafts, expected_version=0)
    (asked,) = [each async for each in recorded_calls(log, await load_histories(log, "r1"), "call/t/1/")]
    return asked.reply


async def test_where_an_agent_went_no_further_is_named() -> None:
    """One that stops at a limit asks nothing that differs: the first request that did not come again is named."""
    calls = [
        RecordedRequest(number, PATH, b"{}", RecordedReply(status, (), b"{}", whole=True, recorded=status == 200))
        for number, status in ((1, 200), (2, 429), (3, 200))
    ]
    recall = RecordedEndpoint(calls)
    first, after = recall.first_unasked
    assert (first, after) == (1, None)
    del recall.left[:2]
    first, after = recall.first_unasked
    assert (first, after, recall.unasked, recall.headerless) == (3, 429, 1, 1)
    found = AgentReplay("r", "attempt/word/1", 3, 2, 0, 1, 3, 429, 1, None, 1)
    row = replay_row(found)
    assert (row.first_unasked, row.after_status, row.headerless) == (3, 429, 1)
    assert not found.same
