"""The side of the agent: requests come in over a socket, and each is answered before the next is looked at.

asyncio's own protocols stand here, and not anyio's streams, as they did in the library that served before: a streamed
call takes half the processor time (``docs/decisions/0011``).
"""

import asyncio  # noqa: TID251 - only what calls back: nothing here cancels, or is cancelled, in asyncio's way
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple, cast

from anyio.abc import TaskGroup
from typing_extensions import override

from engine.gateway.http.coming import Coming, Request

_MOST_WAITING: Final = 4
"""Requests on one connection that may wait for their turn before no more are read."""
_BACKLOG: Final = 512


class Answer:
    """What is said to one request. Once the agent has left, what is said goes nowhere."""

    def __init__(self, connection: "Connection", request: Request) -> None:
        self._connection = connection
        self._request = request
        self._head = b""
        self._chunked = False
        self.begun = False
        self.ended = False

    def begin(self, status: int, headers: Iterable[tuple[str, str]], length: int | None) -> None:
        """Say how it begins; it leaves with the first bytes, or with the end.

        Args:
            status: As HTTP has it.
            headers: Besides those that say how it is transferred.
            length: Bytes that will follow. None: they come in pieces, as many as there will be.
        """
        self.begun = True
        self._chunked = length is None
        how = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        lines = [f"HTTP/1.1 {status} {_phrase(status)}", *(f"{name}: {value}" for name, value in headers), how]
        if self._request.last:
            lines.append("Connection: close")
        self._head = "\r\n".join([*lines, "\r\n"]).encode("utf-8", "surrogateescape")

    async def write(self, data: bytes) -> None:
        """Say more."""
        if data:
            self._connection.write(self._take(data))
            await self._connection.drained()

    def end(self, data: bytes = b"") -> None:
        """Say the last, and that it is the last."""
        if self.ended:
            return
        self.ended = True
        said = self._take(data) if data else self._take_head()
        self._connection.write(said + b"0\r\n\r\n" if self._chunked else said)

    def whole(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Answer in one piece."""
        self.begin(status, headers, len(body))
        self.end(body)

    def abort(self) -> None:
        """Break off where a clean end would say that this was all."""
        self.ended = True
        self._connection.close()

    def _take(self, data: bytes) -> bytes:
        if self._request.method == "HEAD":
            data = b""
        elif self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        return self._take_head() + data

    def _take_head(self) -> bytes:
        head, self._head = self._head, b""
        return head


Serve = Callable[[Request, Answer], Awaitable[None]]
"""Answers a request, and goes on until nothing more is to be done about it."""


class Connection(asyncio.Protocol):
    """One connection of an agent."""

    def __init__(self, serve: Serve, tasks: TaskGroup, among: "set[Connection]") -> None:
        self._serve = serve
        self._tasks = tasks
        self._among = among
        self._coming = Coming(self.came, self.write)
        self._waiting: deque[Request] = deque()
        self._signal: asyncio.Future[None] | None = None
        """Set when there is a request or will be none, or, while an answer is written, when more may be written."""
        self._full = False
        self._gone = False
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        self._transport = cast("asyncio.Transport", transport)  # of another loop's make, it may not say so
        self._among.add(self)
        self._tasks.start_soon(self._run)

    @override
    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        self._coming.feed(data)
        if len(self._waiting) > _MOST_WAITING and self._transport is not None:
            self._transport.pause_reading()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        del exc
        self._gone, self._full = True, False
        self._among.discard(self)
        self._wake()

    @override
    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        self._full = True

    @override
    def resume_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        self._full = False
        self._wake()

    def came(self, request: Request) -> None:
        """Take a request in."""
        self._waiting.append(request)
        self._wake()

    def write(self, data: bytes) -> None:
        """Send bytes, if somebody is there still."""
        if data and self._transport is not None and not self._gone:
            self._transport.write(data)

    async def drained(self) -> None:
        """Wait while the agent reads slower than we write."""
        while self._full and not self._gone:
            await self._woken()

    def close(self) -> None:
        """Close it, as soon as what was written is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close it now."""
        if self._transport is not None:
            self._transport.abort()

    async def _run(self) -> None:
        """Answer requests, one after the other."""
        try:
            while (request := await self._next()) is not None:
                answer = Answer(self, request)
                if request.wrong is not None:
                    answer.whole(request.wrong, (), b"")
                else:
                    await self._serve(request, answer)
                if not answer.ended:
                    self.abort()
                if request.last:
                    break
        finally:
            self.close()

    async def _next(self) -> Request | None:
        """Wait for a request. None: the agent has left."""
        while not self._waiting:
            if self._gone:
                return None
            await self._woken()
        if self._transport is not None and not self._transport.is_reading() and not self._gone:
            self._transport.resume_reading()
        return self._waiting.popleft()

    async def _woken(self) -> None:
        self._signal = asyncio.get_running_loop().create_future()
        try:
            await self._signal
        finally:
            self._signal = None

    def _wake(self) -> None:
        if self._signal is not None and not self._signal.done():
            self._signal.set_result(None)


class Listening(NamedTuple):
    """A socket that is served."""

    server: asyncio.AbstractServer
    connections: set[Connection]

    def close(self) -> None:
        """Let nobody in any more, and let go of those who are; what was said to them is sent first, if they take it."""
        self.server.close()
        for each in list(self.connections):
            each.close()


async def listen(socket: Path, serve: Serve, tasks: TaskGroup) -> Listening:
    """Serve a socket; connections live in the given task group.

    Raises:
        OSError: There cannot be a socket.
    """
    connections: set[Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: Connection(serve, tasks, connections), socket, backlog=_BACKLOG)
    return Listening(server, connections)


def _phrase(status: int) -> str:
    """Name a status, if it has a name."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unnamed"
