"""Stories of the transport: httpx's promises kept over aiohttp's connections."""

import gc
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext

import anyio
import httpx
import pytest
import zstandard

from engine.providers.transport import AiohttpTransport, BodyTooLarge, open_client
from tests.engine.providers.support_server import (
    after,
    answer,
    closed_port,
    in_pieces,
    never,
    never_ending,
    on_the_wire,
    serving,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Give a client, and close it before the loop ends."""
    async with open_client() as opened:
        yield opened


async def test_only_what_was_asked_for_is_sent(client: httpx.AsyncClient) -> None:
    """A header that a library adds of its own accord is a fact that no log holds."""
    async with serving(answer("ok")) as endpoint:
        request = httpx.Request("POST", f"{endpoint.url}/a?b=%2F", headers={"X-One": "1"}, content="snö")
        response = await client.send(request, auth=None)
    asked = endpoint.asked[0]
    assert response.text == "ok"
    assert (asked.method, asked.path, asked.body) == ("POST", "/a?b=%2F", "snö".encode())
    assert {name.lower() for name, _ in asked.headers} == {"host", "x-one", "content-length"}


async def test_no_proxy_is_read_from_the_environment(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key must not go where the spec does not say."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(answer("ok")) as endpoint, open_client() as late:
        assert (await client.get(endpoint.url)).text == "ok"
        assert (await late.get(endpoint.url)).text == "ok"


async def test_a_redirect_is_an_answer_and_not_followed(client: httpx.AsyncClient) -> None:
    """The key would travel with it."""
    async with serving(answer("", 307, {"Location": "/elsewhere"})) as endpoint:
        assert (await client.get(endpoint.url)).status_code == 307
    assert len(endpoint.asked) == 1


async def test_cookies_are_not_kept(client: httpx.AsyncClient) -> None:
    """One trial's answer must not change another trial's request: neither the session keeps any, nor the client."""
    async with serving(answer("", headers={"Set-Cookie": "a=b"})) as endpoint:
        for _ in range(2):
            await client.send(httpx.Request("GET", endpoint.url))
        for _ in range(2):
            await client.get(endpoint.url)
    assert [asked.header("Cookie") for asked in endpoint.asked] == [[]] * 4
    with pytest.raises(AttributeError, match="without cookies"):
        client.cookies = httpx.Cookies()


PACKED = [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstandard.compress)]


@pytest.mark.parametrize(("encoding", "pack"), PACKED)
async def test_a_compressed_body_is_undone_once(
    client: httpx.AsyncClient, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    """By the transport; httpx is not told of any compression, and undoes none."""
    packed = answer(pack("häh".encode()), headers={"Content-Encoding": encoding})
    async with serving(packed) as endpoint:
        response = await client.get(endpoint.url)
        assert response.text == "häh"
        assert "content-encoding" not in response.headers


@pytest.mark.slow
@pytest.mark.parametrize(("encoding", "pack"), [("identity", bytes), *PACKED])
async def test_a_body_is_read_up_to_a_limit_whatever_it_unpacks_to(
    encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    """A body of some MB would else take thousands of times as much of our memory."""
    most = 10_000_000
    for length, fits in ((most, True), (most + 1, False), (20 * most, False)):
        transport, read = AiohttpTransport(most_bytes=most), 0
        packed = answer(pack(bytes(length)), headers={"Content-Encoding": encoding})
        async with (
            serving(packed) as endpoint,
            httpx.AsyncClient(transport=transport) as client,
            client.stream("GET", endpoint.url) as response,
        ):
            with nullcontext() if fits else pytest.raises(BodyTooLarge, match="10,000,000"):
                async for piece in response.aiter_bytes():
                    read += len(piece)
        assert read == length if fits else most - 2_000_000 < read <= most


async def test_a_body_is_streamed_as_it_comes(client: httpx.AsyncClient) -> None:
    """The first piece is there although the answer never ends."""
    async with (
        serving(never_ending(b"first")) as endpoint,
        client.stream("GET", endpoint.url, timeout=None) as response,
    ):
        assert await anext(response.aiter_raw()) == b"first"


async def test_a_chunked_body_arrives_whole(client: httpx.AsyncClient) -> None:
    """However it was cut on the way, within a character too."""
    snow = "☃".encode()
    async with serving(in_pieces(snow[:1], snow[1:], b"!" * 300_000)) as endpoint:
        assert (await client.get(endpoint.url)).content == snow + b"!" * 300_000


async def test_a_body_can_be_sent_as_a_stream(client: httpx.AsyncClient) -> None:
    """What httpx allows, the transport does."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async with serving(answer("ok")) as endpoint:
        await client.post(endpoint.url, content=pieces())
    assert endpoint.asked[0].body == b"one two"


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ((), httpx.RemoteProtocolError),
        ((b"no such protocol\r\n\r\n",), httpx.RemoteProtocolError),
        ((HEAD, b"half"), httpx.RemoteProtocolError),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",), httpx.RemoteProtocolError),
    ],
    ids=["hangs up", "not HTTP", "half a body", "a broken chunk"],
)
async def test_a_broken_answer_is_said_in_the_words_of_httpx(
    client: httpx.AsyncClient, wire: tuple[bytes, ...], expected: type[Exception]
) -> None:
    """Whoever uses httpx need not know what is beneath it."""
    async with serving(on_the_wire(*wire)) as endpoint:
        with pytest.raises(expected):
            await client.post(endpoint.url, content="x")


async def test_a_refused_connection_is_a_connect_error(client: httpx.AsyncClient) -> None:
    """Nobody listens there."""
    with closed_port() as url, pytest.raises(httpx.ConnectError):
        await client.get(url)


async def test_silence_is_a_read_timeout(client: httpx.AsyncClient) -> None:
    """Before the answer begins, and within it."""
    async with serving(never(), never_ending(b"a")) as endpoint:
        for _ in range(2):
            with pytest.raises(httpx.ReadTimeout):
                await client.get(endpoint.url, timeout=httpx.Timeout(20, read=0.05))


async def test_a_slow_trickle_is_ended_by_the_total(client: httpx.AsyncClient) -> None:
    """A byte now and then defeats a read timeout; ``total`` is there for that."""
    async with serving(never_ending(b"a")) as endpoint:
        request = httpx.Request("GET", endpoint.url, extensions={"timeout": {"total": 0.05}})
        with pytest.raises(httpx.ReadTimeout):
            await client.send(request)


async def test_a_cancelled_request_leaves_nothing_behind(client: httpx.AsyncClient) -> None:
    """No open connection, no task, no warning; the client goes on."""
    begun = anyio.Event()
    async with serving(never(begun), answer("ok")) as endpoint:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, endpoint.url)
            await begun.wait()
            tasks.cancel_scope.cancel()
        assert (await client.get(endpoint.url)).text == "ok"
    gc.collect()  # what was left open would warn here, and warnings are errors


async def test_a_stream_that_is_left_early_gives_nothing_to_the_next(client: httpx.AsyncClient) -> None:
    """The rest of one answer must never be read as the beginning of another."""
    async with serving(never_ending(b"left over"), answer("next")) as endpoint:
        async with client.stream("GET", endpoint.url, timeout=None):
            pass
        assert (await client.get(endpoint.url)).text == "next"


async def test_two_hundred_requests_at_once_are_all_in_flight(client: httpx.AsyncClient) -> None:
    """No hidden cap: none is answered before all of them are there."""
    waiting, all_here = 0, anyio.Event()

    async def meet() -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 200:
            all_here.set()
        await all_here.wait()

    async with serving(after(meet)) as endpoint, anyio.create_task_group() as tasks:
        for _ in range(200):
            tasks.start_soon(client.get, endpoint.url)
    assert waiting == 200


async def test_closing_twice_is_closing_once() -> None:
    """And a client that never sent anything has nothing to close."""
    client = open_client()
    await client.aclose()
    await client.aclose()
