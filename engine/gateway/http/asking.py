"""The side of the provider: one connection, one answer at a time, taken in as it comes.

asyncio's own protocols stand here, and not anyio's streams: see ``docs/decisions/0011``.
"""

import asyncio  # noqa: TID251 - only what calls back: nothing here cancels, or is cancelled, in asyncio's way
import socket
import ssl
from collections.abc import AsyncIterator
from functools import cache
from http import HTTPStatus
from typing import Final, NamedTuple, cast

import anyio
import httptools
from aiohappyeyeballs import start_connection
from multidict import CIMultiDict
from typing_extensions import override

from engine.gateway.http.bodies import Unpacking

_MOST_AT_HAND: Final = 1024 * 1024
"""Bytes of an answer that are read ahead of whoever takes them."""
_STEP_S: Final = 0.25
"""Seconds until the next address of a name is tried beside the last one (RFC 8305 has 0.25)."""


class AnswerBroken(ConnectionError):
    """An answer does not come, or ends too early, or is not HTTP."""


class Origin(NamedTuple):
    """What a connection leads to."""

    secure: bool
    host: str
    port: int


class Connection(asyncio.Protocol):
    """A connection to a provider."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.ended_at = 0.0
        """When the last answer ended, by the event loop's clock."""
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._signal: asyncio.Future[None] | None = None
        self._lost: Exception | None = None
        self._under_way = False
        """Whether a request was sent whose answer has not ended."""
        self.fresh = False
        """Whether nothing has come since the last answer ended, and the provider is still there."""
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._at_hand = 0
        self.complete = False
        """Whether the answer has come to its end, though it may not have been taken yet."""
        self._begin()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        self._transport = cast("asyncio.Transport", transport)  # of another loop's make, it may not say so
        self.fresh = True

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self.fresh = False
        ended = self._under_way and self._headed and self._until_closed and exc is None
        if ended:
            self.on_message_complete()
        self._lost = self._lost or AnswerBroken(f"the connection was closed{'' if exc is None else f': {exc}'}")
        self._wake()

    @override
    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        self.fresh = False
        if not self._under_way:
            self.close()  # nobody asked: such as a farewell
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._lost = self._lost or AnswerBroken(f"the answer is not HTTP: {error}")
            self.close()
        self._wake()
        if self._at_hand > _MOST_AT_HAND and self._transport is not None:
            self._transport.pause_reading()

    def ask(self, data: bytes) -> None:
        """Send a request; from now on an answer is listened to."""
        self._parser = httptools.HttpResponseParser(self)
        self._parts, self._at_hand = [], 0
        self._begin()
        self._under_way = True
        if self._transport is not None and self._lost is None:
            self._transport.write(data)

    async def head(self) -> None:
        """Wait for how the answer begins: `status` and `headers`.

        Raises:
            AnswerBroken: It does not.
        """
        while not self._headed:
            await self._woken()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the body as it comes; `complete` says with each piece whether it is the last.

        Raises:
            AnswerBroken: It ends too early.
            BodyUnreadable: It is compressed in a way that cannot be undone here.
        """
        unpack = Unpacking(self.headers.get("Content-Encoding", ""))
        while True:
            if self._parts:
                data, self._parts, self._at_hand = b"".join(self._parts), [], 0
                yield unpack(data)
                if self._transport is not None and not self._transport.is_reading() and self._lost is None:
                    self._transport.resume_reading()
            elif self.complete:
                return
            else:
                await self._woken()

    @property
    def idle_s(self) -> float:
        """Seconds since the last answer ended."""
        return self._loop.time() - self.ended_at

    @property
    def reusable(self) -> bool:
        """Whether another request may follow."""
        return self._lost is None and self.complete and self._keep and not self._until_closed

    def close(self) -> None:
        """Let go of it."""
        self.fresh = False
        if self._transport is not None:
            self._transport.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        """See ``httptools``."""
        if self.complete:
            self._keep = False  # more than was asked for
            return
        self.headers.add(name.decode("ascii", "replace"), value.decode("utf-8", "surrogateescape"))

    def on_headers_complete(self) -> None:
        """See ``httptools``."""
        if self.complete:
            return
        self.status = self._parser.get_status_code()
        # Before the end is told of, since a parser that has gone on to the next message does not know any more.
        self._keep = self._parser.should_keep_alive()
        coded = self.headers.get("Transfer-Encoding", "").lower().endswith("chunked")
        empty = self.status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
        self._until_closed = not coded and not empty and "Content-Length" not in self.headers
        self._headed = self.status >= HTTPStatus.OK

    def on_body(self, body: bytes) -> None:
        """See ``httptools``."""
        if self.complete:
            return
        self._parts.append(body)
        self._at_hand += len(body)

    def on_message_complete(self) -> None:
        """See ``httptools``. What was only said meanwhile (1xx) is followed by the answer."""
        if self._headed:
            self.complete, self._under_way = True, False
            self.fresh = True
            self.ended_at = self._loop.time()
        else:
            self._begin()

    def _begin(self) -> None:
        self.headers: CIMultiDict[str] = CIMultiDict()
        self.status = 0
        self._headed = self._until_closed = self._keep = False
        self.complete = False

    async def _woken(self) -> None:
        if self._lost is not None:
            raise self._lost
        self._signal = self._loop.create_future()
        try:
            await self._signal
        finally:
            self._signal = None

    def _wake(self) -> None:
        if self._signal is not None and not self._signal.done():
            self._signal.set_result(None)


async def connect(origin: Origin, within_s: float) -> Connection:
    """Connect.

    Raises:
        TimeoutError: It took longer than `within_s` seconds.
        OSError: It cannot be reached.
    """
    loop = asyncio.get_running_loop()
    with anyio.fail_after(within_s):
        found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        # asyncio's own race of addresses leaves a socket open if it is given up at the wrong moment.
        opened = await start_connection(found, happy_eyeballs_delay=_STEP_S)
        trust, name = (_trust(), origin.host) if origin.secure else (None, None)
        _, connection = await loop.create_connection(
            lambda: Connection(origin), sock=opened, ssl=trust, server_hostname=name
        )
    return connection


@cache
def _trust() -> ssl.SSLContext:
    """Load what this machine trusts; it takes some 20 ms."""
    return ssl.create_default_context()
