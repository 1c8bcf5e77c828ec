"""Stories of HTTP between agents and the gateway: what they may do, and what they may not."""

import gzip
import zlib
from pathlib import Path

import anyio
import msgspec
import pytest
import zstandard
from anyio.lowlevel import checkpoint

from events.types.agent import CallAnswered, CallAsked, CallReceived
from events.types.model import ModelAnswered
from tests.support.knocking import BODY, PATH, dialled, post, said
from tests.support.provider import ANSWER, Provider, serving, whole
from tests.support.visits import KEY, Behind, House, house
from tests.support.worlds import memory_log


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
        assert [type(each) for each in await here.recorded("call/t/1/2")] == [CallReceived, CallAsked, CallAnswered]


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
        (post(BODY, "Content-Encoding: br"), b"400 Bad Request"),
        (post(BODY, "Content-Encoding: gzip"), b"400 Bad Request"),
        (b"POST /v1 HTTP/1.1\r\nX: " + b"x" * 70_000, b"400 Bad Request"),
        (post().replace(PATH.encode(), b"/v1/\xff"), b"400 Bad Request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400 Bad Request"),
    ],
    ids=["no-http", "two-lengths", "unknown-packing", "broken-packing", "endless-head", "no-text", "http-2"],
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
            with anyio.fail_after(30):
                answer = b"".join([data async for data in stranger])
            assert answer.startswith((b"HTTP/1.1 " + status, b"HTTP/1.0 " + status))
        assert (await here.ask(PATH, msgspec.json.decode(BODY))).status_code == 200
        assert here.door.calls == 1


async def test_a_body_is_not_taken_in_without_end(tmp_path: Path) -> None:
    """A sandbox may not fill our memory, not with a small body that unpacks to a long one either."""
    # Given some KB that are 256 MB and a byte without their compression
    bomb = zstandard.compress(bytes((1 << 28) + 1))
    async with house(memory_log(), tmp_path) as here:
        async with await dialled(here) as agent:
            # When they are sent
            await agent.send(post(bomb, "Content-Encoding: zstd"))
            # Then they are refused, and are no call
            assert (await said(agent, end=b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
        assert here.door.calls == 0


async def test_an_agent_that_does_not_read_holds_up_nobody(tmp_path: Path) -> None:
    """What it asked for goes on record, and its door can be closed, whether it listens or not."""
    # Given an answer that is longer than what the ways there hold
    text = b"I look. " * (1 << 20)
    async with (
        serving(Provider(whole(ANSWER.replace(b"I look.", text)))) as provider,
        house(memory_log(), tmp_path, behind=Behind(base_url=provider.base_url)) as here,
        await dialled(here) as agent,
    ):
        # When an agent asks for it and does not read it
        await agent.send(post())
        await until_called(here)
        # Then all of it is on record, and the door closes
        assert [type(each) for each in await here.recorded()] == [CallReceived, CallAsked, CallAnswered]
        with anyio.fail_after(30):
            await here.gateway.close(here.door)


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


async def until_called(here: House) -> None:
    """Wait until a call has come through the door."""
    while not here.door.calls:
        await checkpoint()
