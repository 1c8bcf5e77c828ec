"""A small HTTP server on the loopback that answers from a list and remembers what it was asked."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Asked(msgspec.Struct, frozen=True):
    """One request as it arrived."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        """Give every value of one header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Endpoint:
    """Gives its answers in order; the last one again for ever."""

    def __init__(self, *answers: Handler) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._answers = answers
        self._arrived = 0

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        # Before the body is waited for: of two requests that arrive together, each takes an answer of its own.
        place = min(self._arrived, len(self._answers) - 1)
        self._arrived += 1
        body = await request.read()
        headers = [(name.decode(), value.decode("latin-1")) for name, value in request.raw_headers]
        self.asked.append(Asked(request.method, request.path_qs, headers, body))
        return await self._answers[place](request)


@contextmanager
def closed_port() -> Iterator[str]:
    """Give an address of the loopback that refuses connections, and that nobody else is given meanwhile."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{port.getsockname()[1]}"


@asynccontextmanager
async def serving(*answers: Handler) -> AsyncIterator[Endpoint]:
    """Serve these answers on a free port of the loopback."""
    endpoint = Endpoint(*answers)
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{rest:.*}", endpoint.respond)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.0)
    endpoint.url = str(server.make_url("")).rstrip("/")
    try:
        yield endpoint
    finally:
        await server.close()


def answer(body: bytes | str, status: int = 200, headers: Mapping[str, str] | None = None) -> Handler:
    """Answer with this body."""
    raw = body.encode() if isinstance(body, str) else body

    async def handle(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(status=status, body=raw, headers=headers)

    return handle


def after(wait: Callable[[], Awaitable[None]], body: bytes = b"ok") -> Handler:
    """Answer as soon as something else has happened."""

    async def handle(request: web.Request) -> web.StreamResponse:
        del request
        await wait()
        return web.Response(body=body)

    return handle


def in_pieces(*pieces: bytes) -> Handler:
    """Answer with a chunked body, a chunk for each piece."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    return handle


def on_the_wire(*pieces: bytes) -> Handler:
    """Write exactly these bytes as the whole answer, headers included, then hang up."""

    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        for piece in pieces:
            request.transport.write(piece)
        request.transport.close()
        return web.Response()

    return handle


def never(begun: anyio.Event | None = None) -> Handler:
    """Take the request and say nothing until the client is gone."""

    async def handle(request: web.Request) -> web.StreamResponse:
        del request
        if begun is not None:
            begun.set()
        await anyio.sleep_forever()
        raise AssertionError

    return handle


def never_ending(piece: bytes) -> Handler:
    """Begin an answer, and say nothing more until the client is gone."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(piece)
        await anyio.sleep_forever()
        raise AssertionError

    return handle


def completion(message: Mapping[str, Any] | None = None, **others: Any) -> bytes:
    """Write an ordinary answer of the chat completions protocol."""
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "stub-1",
        "choices": [
            {"index": 0, "message": message or {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2},
    }
    return msgspec.json.encode(body | others)


def events(*data: Mapping[str, Any] | str) -> bytes:
    """Write server-sent events, one for each datum."""
    lines = [each.encode() if isinstance(each, str) else msgspec.json.encode(each) for each in data]
    return b"".join(b"data: " + line + b"\n\n" for line in lines)


def delta(content: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    """Write one chunk of a stream."""
    return {"id": "c", "model": "stub-1", "choices": [{"index": 0, "delta": content, "finish_reason": finish}]}
