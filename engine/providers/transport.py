"""An httpx transport over aiohttp, because httpx's own pool does quadratic work.

With 1,000 requests in flight httpx 0.28 spends about 20 ms of processor time per request in
``AsyncConnectionPool._assign_requests_to_connections`` (encode/httpx#3215, encode/httpcore#1035; measured in
``benchmarks/http_client.py``). aiohttp keeps a plain dictionary of idle connections. Nothing is capped here:
whoever wants a limit puts one in front, where it can be seen and recorded.
"""

import ssl
import sys
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, Final, NoReturn

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict
from yarl import URL

from engine.protocols.errors import FailedCallFacts, MalformedReply

if sys.version_info >= (3, 12):
    from typing import override
else:  # aiohttp itself needs typing_extensions there
    from typing_extensions import override

NOT_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers aiohttp would add of its own accord; the request has its own, or is meant to have none."""
_UNDONE: Final = frozenset({b"content-encoding", b"content-length"})
"""Headers that speak of a body as it was packed."""
KEPT_S = 15.0
"""Seconds an idle connection is kept for the next request: providers close theirs after 20 and more."""

MOST_BODY_BYTES: Final = 64 * 1024 * 1024
"""Bytes of an answer, counted without compression, that are read; failures have the same limit. A streamed answer of
150,000 tokens stays below it. Some MB can unpack to thousands of times as many."""

FAULTS: tuple[tuple[type[BaseException], type[httpx.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (TimeoutError, httpx.ReadTimeout),  # aiohttp's SocketTimeoutError is one, and so is its total time running out
    (aiohttp.ClientConnectorError, httpx.ConnectError),  # name not found, refused, TLS
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.NonHttpUrlClientError, httpx.UnsupportedProtocol),
    (aiohttp.ClientOSError, httpx.ReadError),
    (aiohttp.ClientError, httpx.RemoteProtocolError),  # disconnected, cut body, not HTTP
    (HttpProcessingError, httpx.RemoteProtocolError),
    (OSError, httpx.ReadError),
)
"""From the particular to the general: the first that fits wins."""


def raise_as_httpx(error: Exception) -> NoReturn:
    """Raise in httpx's words what aiohttp and the sockets raised; the same error, if httpx has no word for it."""
    for theirs, ours in FAULTS:
        if isinstance(error, theirs):
            raise ours(str(error) or type(error).__name__) from error
    raise error


class BodyTooLarge(httpx.ReadError):
    """Raised when a body is longer than is read.

    Attributes:
        most: Bytes that are read, counted without compression.
    """

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most:,} bytes")
        self.most = most


class _NoCookies(httpx.Cookies):
    """Keeps none: to look for them in each answer takes a tenth of what httpx does for a call."""

    @override
    def extract_cookies(self, response: httpx.Response) -> None:
        """Pass over them."""
        del response


_NONE: Final = _NoCookies()


class Client(httpx.AsyncClient):
    """What requests are made with. The type is taken from here, so that httpx has one door."""

    @property  # type: ignore[explicit-override]  # mypy does not see it above a setter
    @override
    def cookies(self) -> httpx.Cookies:
        """Give none: nothing is sent that was not asked for."""
        return _NONE

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        """Take none."""
        del cookies
        raise AttributeError("requests are made without cookies; set a header instead")

    @override
    async def send(
        self,
        request: httpx.Request,
        *,
        stream: bool = False,
        auth: Any = httpx.USE_CLIENT_DEFAULT,
        follow_redirects: Any = httpx.USE_CLIENT_DEFAULT,
    ) -> httpx.Response:
        """Send a request; one that streams its answer, and needs nothing else of httpx, goes straight to the wire.

        To look for the steps of a sign-in, for redirects, hooks and mounts takes a tenth of a call.
        """
        if self.is_closed or not stream or auth is not None or follow_redirects:
            return await super().send(request, stream=stream, auth=auth, follow_redirects=follow_redirects)
        response = await self._transport.handle_async_request(request)
        response.request = request
        return response


def pieces_of(response: httpx.Response) -> AsyncIterable[bytes]:
    """Give a body as it comes, without its compression: the transport below has undone that, unless it is another's."""
    if "content-encoding" in response.headers:
        return response.aiter_bytes()
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream), "an asynchronous client answers asynchronously"
    return stream


def too_large(error: BodyTooLarge, seen: FailedCallFacts) -> MalformedReply:
    """Say that an answer was not read to its end; it is as long when it is asked for again."""
    return MalformedReply(
        f"the answer has more than {error.most:,} bytes without compression, which is as much as is read",
        remedy="request a shorter answer with max_tokens; if it is short, check what the endpoint sends",
        seen=seen,
        retryable=False,
    )


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Carries httpx requests over one aiohttp session: no cap, no redirects, no cookies, no proxies.

    Timeouts are httpx's: ``connect`` (seconds to a usable connection), ``read`` (seconds of silence), and
    besides them ``total`` (seconds until the body is complete), which httpx does not have. None waits for
    ever. There is no pool to wait for, and ``write`` is covered by ``total``.

    The body is handed on without its compression, which is undone piece by piece: httpx would unpack a piece of the
    network whole, to thousands of times its size. A body that is longer than it may be raises `BodyTooLarge`.
    """

    def __init__(
        self,
        *,
        verify: ssl.SSLContext | bool = True,
        keepalive_s: float = KEPT_S,
        most_bytes: int = MOST_BODY_BYTES,
    ) -> None:
        """Open nothing yet: aiohttp wants a running loop first.

        Args:
            verify: A context to trust certificates by; True for the system's, False to trust anyone.
            keepalive_s: Seconds an idle connection is kept for the next request, above 0.
            most_bytes: Bytes that a body may have without its compression, 0 or more.
        """
        self.most_bytes = most_bytes
        self._verify = verify
        self._keepalive_s = keepalive_s
        self._session: aiohttp.ClientSession | None = None

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return as soon as the headers of the answer are there."""
        session = self._session or self._open()
        try:
            response = await session.request(
                request.method,
                URL(str(request.url), encoded=True),
                data=_data_of(request),
                headers=_headers_of(request),
                allow_redirects=False,
                timeout=_timeout_of(request),
            )
        except Exception as error:  # noqa: BLE001 - it is raised again
            raise_as_httpx(error)
        return httpx.Response(
            response.status,
            headers=[(name, value) for name, value in response.raw_headers if name.lower() not in _UNDONE],
            stream=_Body(response, self.most_bytes),
            extensions={"reason_phrase": (response.reason or "").encode("latin-1", "replace")},
        )

    @override
    async def aclose(self) -> None:
        """Close every connection, waiting until they are."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        """Open the session on the loop that first uses it."""
        self._session = open_session(verify=self._verify, keepalive_s=self._keepalive_s)
        return self._session


class _Body(httpx.AsyncByteStream):
    """The body of an answer, as it comes, without its compression."""

    def __init__(self, response: aiohttp.ClientResponse, most_bytes: int) -> None:
        self._response = response
        self._most = self._left = most_bytes

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._response.content
        while True:
            try:
                chunk = await content.readany()
            except Exception as error:  # noqa: BLE001 - it is raised again
                raise_as_httpx(error)
            if not chunk:
                return
            self._left -= len(chunk)
            if self._left < 0:
                raise BodyTooLarge(self._most)
            yield chunk

    @override
    async def aclose(self) -> None:
        """Give the connection back if the body was read to its end, else cut it."""
        self._response.close()


def _timeout_of(request: httpx.Request) -> aiohttp.ClientTimeout:
    """Take over httpx's timeouts. Silence that may last as long as all of the call needs no watch of its own."""
    limits = request.extensions.get("timeout", {})
    total, silence = limits.get("total"), limits.get("read")
    watched = None if total is not None and silence is not None and silence >= total else silence
    return aiohttp.ClientTimeout(total=total, connect=limits.get("connect"), sock_read=watched)


def _data_of(request: httpx.Request) -> bytes | AsyncIterable[bytes] | None:
    """Take the body as bytes where httpx has them, else as the stream it is."""
    stream = request.stream
    if isinstance(stream, httpx.ByteStream):
        return b"".join(stream) or None
    assert isinstance(stream, httpx.AsyncByteStream)
    return stream


def _headers_of(request: httpx.Request) -> CIMultiDict[str]:
    """Keep names as they are written. aiohttp frames a streamed body itself, and says so itself."""
    pairs = [(name.decode("ascii"), value.decode("utf-8", "replace")) for name, value in request.headers.raw]
    return CIMultiDict([pair for pair in pairs if pair[0].lower() != "transfer-encoding"])


def open_client(*, verify: ssl.SSLContext | bool = True) -> Client:
    """Open a client that carries any number of requests at once; close it with ``async with``.

    It follows no redirect (a key must not travel to another host) and reads no proxy or netrc from the
    environment.
    """
    return Client(transport=AiohttpTransport(verify=verify), trust_env=False, follow_redirects=False)


def open_session(*, verify: ssl.SSLContext | bool = True, keepalive_s: float = KEPT_S) -> aiohttp.ClientSession:
    """Open an aiohttp session on the running loop: no cap, cookies or proxies, and no header but the request's own.

    Bodies are given without their compression, which is undone in bounded pieces.

    Args:
        verify: As `AiohttpTransport` has it.
        keepalive_s: As `AiohttpTransport` has it.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=verify, keepalive_timeout=keepalive_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=NOT_ADDED,
        trust_env=False,
    )
