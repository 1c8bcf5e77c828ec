"""Stories of HTTP at the gateway: what agents and providers may do, and what they may not."""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

import anyio
import msgspec
import pytest
import zstandard
from anyio.abc import ByteStream
from typing_extensions import override

from engine.gateway.http.coming import Coming, Request
from events.agent import CallAsked, CallReceived
from events.base import Appended, Draft, Fence, StreamId
from events.log_errors import LogFull
from events.memory import MemoryLog
from events.model import ModelAnswered, ModelFailed
from tests.support.provider import ANSWER, Provider, serving, whole
from tests.support.visits import KEY, TOKEN, Behind, House, house
from tests.support.worlds import Ticking, memory_log

BODY = msgspec.json.encode({"model": "teacher", "messages": [{"role": "user", "content": "Work"}]})
PATH = "/v1/chat/completions"


def post(body: bytes = BODY, *headers: str, length: bool = True) -> bytes:
    """Write a request, byte for byte."""
    lines = [f"POST {PATH} HTTP/1.1", "Host: gateway", f"Authorization: Bearer {TOKEN}", *headers]
    lines += [f"Content-Length: {len(body)}"] if length else []
    return "\r\n".join([*lines, "\r\n"]).encode() + body


async def said(stream: ByteStream, times: int = 1, end: bytes = ANSWER) -> bytes:
    """Read until an answer has come so many times."""
    data = b""
    with anyio.fail_after(10):
        while data.count(end) < times:
            data += await stream.receive()
    return data


async def dialled(here: House) -> ByteStream:
    """Connect to the door, as an agent does."""
    return await anyio.connect_unix(here.door.socket)


class Gated(MemoryLog):
    """A log that takes its time to make it durable that a call is asked, or cannot do it at all."""

    def __init__(self) -> None:
        super().__init__(clock=Ticking())
        self.durable = anyio.Event()
        self.full = False

    @override
    async def append(
        self, stream: StreamId, drafts: Sequence[Draft], *, expected_version: int, fence: Fence | None = None
    ) -> Appended:
        if any(isinstance(draft.event, CallAsked) for draft in drafts):
            await self.durable.wait()
            if self.full:
                raise LogFull("here")
        return await super().append(stream, drafts, expected_version=expected_version, fence=fence)


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (gzip.compress(BODY), "Content-Encoding: gzip"),
        (zlib.compress(BODY), "Content-Encoding: deflate"),
        (zstandard.compress(BODY), "Content-Encoding: zstd"),
        (
            b"5\r\n" + BODY[:5] + b"\r\n%x\r\n" % (len(BODY) - 5) + BODY[5:] + b"\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked",
        ),
    ],
    ids=["gzip", "deflate", "zstd", "chunked"],
)
async def test_however_a_request_is_packed_it_is_recorded_and_sent_plain(
    body: bytes, header: str, tmp_path: Path
) -> None:
    """What is looked at, kept under its digest and passed on is what the agent means, not how it travelled."""
    log = memory_log()
    async with (
        serving(Provider(whole())) as provider,
        house(log, tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        async with await dialled(here) as agent:
            # When a packed request comes, in two pieces
            data = post(body, header, length="chunked" not in header)
            await agent.send(data[:-3])
            await agent.send(data[-3:])
            # Then it is answered, and stands in the log and before the provider as plain JSON, with our key
            assert (await said(agent)).startswith(b"HTTP/1.1 200 OK\r\n")
        came = (await here.recorded())[0]
        assert isinstance(came, CallReceived)
        assert await log.get(came.request) == BODY
        sent = bytes(provider.came[0])
        assert sent.endswith(b"\r\n\r\n" + BODY)
        assert f"Authorization: Bearer {KEY}".encode() in sent
        assert b"encoding: g" not in sent.lower()


async def test_two_requests_at_once_are_answered_in_their_order(tmp_path: Path) -> None:
    """A client may send the next request before it has its answer."""
    answers = [whole(ANSWER.replace(b"I look.", text)) for text in (b"I look1", b"I look2")]
    async with (
        serving(Provider(*answers)) as provider,
        house(memory_log(), tmp_path, behind=Behind(base_url=provider.base_url)) as here,
        await dialled(here) as agent,
    ):
        await agent.send(post() + post())
        both = await said(agent, 2, b"I look")
        assert both.index(b"I look1") < both.index(b"I look2")
        # And both went over one connection
        assert len(provider.came) == 1
        assert [type(each) for each in await here.recorded("call/t/1/2")] == [CallReceived, CallAsked, ModelAnswered]


async def test_a_client_that_asks_first_is_told_to_go_on(tmp_path: Path) -> None:
    """Some clients send a long body only when they know that it is wanted."""
    async with (
        serving(Provider(whole())) as provider,
        house(memory_log(), tmp_path, behind=Behind(base_url=provider.base_url)) as here,
        await dialled(here) as agent,
    ):
        await agent.send(post(BODY, "Expect: 100-continue")[: -len(BODY)])
        assert await said(agent, end=b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await agent.send(BODY)
        assert (await said(agent)).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"what is this\r\n\r\n", b"400 Bad Request"),
        (post(BODY, "Transfer-Encoding: chunked"), b"400 Bad Request"),
        (post(BODY, "Content-Encoding: br"), b"415 Unsupported Media Type"),
        (post(BODY, "Content-Encoding: gzip"), b"415 Unsupported Media Type"),
        (b"POST /v1 HTTP/1.1\r\nX: " + b"x" * 70_000, b"431 Request Header Fields Too Large"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400 Bad Request"),
    ],
    ids=["no-http", "two-lengths", "unknown-packing", "broken-packing", "endless-head", "http-2"],
)
async def test_what_is_no_request_is_refused_and_the_next_one_is_served(
    data: bytes, status: bytes, tmp_path: Path
) -> None:
    """Whoever can reach the socket can send anything; it ends that connection and nothing else."""
    async with (
        serving(Provider(whole())) as provider,
        house(memory_log(), tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        async with await dialled(here) as stranger:
            with anyio.move_on_after(2):
                await stranger.send(data)
            answer = await said(stranger, end=b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 " + status)
            assert b"Connection: close" in answer
        assert (await here.ask(PATH, msgspec.json.decode(BODY))).status_code == 200
        assert here.door.calls == 1


def test_a_body_is_not_taken_in_without_end() -> None:
    """A sandbox may not fill our memory: what is too long is refused while it comes."""
    came: list[Request] = []
    coming = Coming(came.append, lambda data: None)
    coming.feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"%x\r\n" % (1 << 26) + bytes(1 << 26) + b"\r\n"
    for _ in range(5):
        coming.feed(piece)
    assert [request.wrong for request in came] == [413]


async def test_a_provider_has_no_whole_request_before_it_is_on_record_that_it_is_asked(tmp_path: Path) -> None:
    """A call that was made and is not on record would be paid for by nobody, and made again after a crash."""
    log = Gated()
    async with (
        serving(Provider(whole(), whole())) as provider,
        house(log, tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        # Given a connection that is kept from an earlier call
        log.durable.set()
        await here.ask(PATH, msgspec.json.decode(BODY))
        first = len(provider.came[0])
        log.durable = anyio.Event()
        async with await dialled(here) as agent:
            # When an agent asks, and the log takes its time
            await agent.send(post())
            sent = await provider.until(0, 2 * first - 200)
            await anyio.wait_all_tasks_blocked()
            # Then all but the last byte is there already, which nobody can act on
            assert bytes(provider.came[0])[first:].endswith(b"\r\n\r\n" + BODY[:-1])
            assert len(sent) > first
            # And when it is on record, the rest follows, over the same connection
            log.durable.set()
            assert (await said(agent)).startswith(b"HTTP/1.1 200")
            assert len(provider.came) == 1


async def test_a_call_that_cannot_be_recorded_is_not_made(tmp_path: Path) -> None:
    """Nor is what was begun of it left where the next request would follow it."""
    log = Gated()
    async with (
        serving(Provider(whole(), whole())) as provider,
        house(log, tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        # Given a kept connection, and a log that becomes full
        log.durable.set()
        await here.ask(PATH, msgspec.json.decode(BODY))
        log.full = True
        # When an agent asks
        async with await dialled(here) as agent:
            await agent.send(post())
            with pytest.raises(anyio.EndOfStream):
                await said(agent)
        # Then the provider never had the whole of it, and the next call goes over another connection
        assert provider.came[0].endswith(BODY[:-1])
        log.full = False
        assert (await here.ask(PATH, msgspec.json.decode(BODY))).status_code == 200
        assert len(provider.came) == 2
        # And what broke is raised where the door is closed
        with pytest.raises(LogFull):
            await here.gateway.close(here.door)


async def test_a_connection_that_the_provider_has_closed_meanwhile_is_not_used(tmp_path: Path) -> None:
    """A provider lets go of what is idle when it likes; the agent need not know."""
    async with (
        serving(Provider(whole(), whole(ANSWER, "X: 1"), whole())) as provider,
        house(memory_log(), tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        provider.says[0] = whole().replace(b"Content-Length", b"Connection: close\r\nContent-Length")
        for number in range(3):
            assert (await here.ask(PATH, msgspec.json.decode(BODY))).status_code == 200
            assert len(provider.came) == 1 + (number > 0)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" + whole(),
        whole().replace(b"Content-Length", b"Connection: close\r\nX-Length"),
        whole(gzip.compress(ANSWER), "Content-Encoding: gzip"),
        whole()
        .replace(b"Content-Length: %d" % len(ANSWER), b"Transfer-Encoding: chunked")
        .replace(ANSWER, b"%x\r\n" % len(ANSWER) + ANSWER + b"\r\n0\r\n\r\n"),
    ],
    ids=["after-a-notice", "until-closed", "packed", "chunked"],
)
async def test_however_an_answer_comes_it_is_handed_on_and_recorded_plain(answer: bytes, tmp_path: Path) -> None:
    """The log holds what the model said."""
    log = memory_log()
    async with (
        serving(Provider(answer)) as provider,
        house(log, tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        assert (await here.ask(PATH, msgspec.json.decode(BODY))).content == ANSWER
        answered = (await here.recorded())[-1]
        assert isinstance(answered, ModelAnswered)
        assert await log.get(answered.reply) == ANSWER


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"I speak something else\r\n\r\nConnection: close", "is not HTTP"),
        (whole().replace(b"Content-Length: ", b"Connection: close\r\nContent-Length: 9"), "the connection was closed"),
        (whole(ANSWER, "Content-Encoding: br"), "br, which is not known here"),
    ],
    ids=["no-http", "cut", "unknown-packing"],
)
async def test_an_answer_that_does_not_come_whole_is_a_failure_of_the_network(
    answer: bytes, says: str, tmp_path: Path
) -> None:
    """The agent is told in its own protocol, and what was wrong is on record."""
    async with (
        serving(Provider(answer)) as provider,
        house(memory_log(), tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        told = await here.ask(PATH, msgspec.json.decode(BODY))
        assert (told.status_code, told.json()["error"]["code"]) == (502, "stillroom_network")
        failed = (await here.recorded())[-1]
        assert isinstance(failed, ModelFailed)
        assert failed.kind == "network"
        assert says in failed.detail


async def test_a_provider_that_cannot_be_reached_is_told_of(tmp_path: Path) -> None:
    """Nobody listens there, or it is no address at all."""
    for number, url in enumerate(("http://127.0.0.1:1/v1", "nonsense")):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with house(memory_log(), folder, behind=Behind(base_url=url)) as here:
            assert (await here.ask(PATH, msgspec.json.decode(BODY))).status_code == 502
            assert [type(each) for each in await here.recorded()] == [CallReceived, CallAsked, ModelFailed]


async def test_an_agent_that_leaves_in_the_middle_does_not_cut_the_record(tmp_path: Path) -> None:
    """What it asked for is paid for, so it is read and recorded to its end."""
    log = memory_log()
    pieces = [b'data: {"choices":[{"index":0,"delta":{"content":"%d"}}]}\n\n' % n for n in range(3)]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(b"%x\r\n" % len(each) + each + b"\r\n" for each in [*pieces, b"data: [DONE]\n\n"])
    async with (
        serving(Provider(head + body)) as provider,
        house(log, tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        # Given an agent that has the beginning of a stream
        agent = await dialled(here)
        await agent.send(post(BODY))
        await said(agent, end=b"data")
        # When it leaves, and the provider ends
        await agent.aclose()
        await provider.end(0, b"0\r\n\r\n")
        # Then all of it is on record
        answered = (await here.recorded())[-1]
        assert isinstance(answered, ModelAnswered)
        assert (await log.get(answered.reply)).endswith(b"data: [DONE]\n\n")
