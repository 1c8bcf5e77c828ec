"""Requests while they come: what llhttp says of the bytes, put together."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final, NamedTuple

import httptools
from multidict import CIMultiDict
from yarl import URL

from engine.gateway.http.bodies import BodyUnreadable, Unpacking

_MOST_BYTES: Final = 256 * 1024 * 1024
"""Of a request's body, as it comes and as it is unpacked."""
_MOST_HEAD_BYTES: Final = 64 * 1024

Headers = CIMultiDict[str]


class Request(NamedTuple):
    """What came, whole."""

    method: str
    url: URL
    """Path and query, as they came."""
    headers: Headers
    body: bytes
    """Without compression."""
    last: bool
    """Whether the connection is of no use after it."""
    wrong: int | None
    """The status to refuse it with, since it could not be read. None: it could."""


class Coming:
    """Requests of one connection while they come."""

    def __init__(self, came: Callable[[Request], None], write: Callable[[bytes], None]) -> None:
        """Make it.

        Args:
            came: Is given each request that is there whole, and the refusal of one that cannot be read.
            write: Sends bytes back.
        """
        self._came = came
        self._write = write
        self._parser = httptools.HttpRequestParser(self)
        self._broken = False
        self.on_message_begin()

    def feed(self, data: bytes) -> None:
        """Take in what came; after something that cannot be read, nothing more is."""
        if self._broken:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._broken = True  # answered as what it is besides, and the last one
        except httptools.HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST)
        if not self._in_body:
            self._head_size += len(data)
            if self._head_size > _MOST_HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """See ``httptools``."""
        self._url = b""
        self._headers: Headers = CIMultiDict()
        self._body: list[bytes] = []
        self._size = 0
        self._in_body = False
        self._head_size = 0
        """Bytes of reads that did not bring the end of the head."""

    def on_url(self, url: bytes) -> None:
        """See ``httptools``."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """See ``httptools``."""
        self._headers.add(name.decode("ascii", "replace"), value.decode("utf-8", "surrogateescape"))

    def on_headers_complete(self) -> None:
        """See ``httptools``."""
        self._in_body = True
        if self._headers.get("Expect", "").lower() == "100-continue" and not self._broken:
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """See ``httptools``."""
        self._size += len(body)
        if self._size > _MOST_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif not self._broken:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """See ``httptools``."""
        if self._broken:
            return
        try:
            body = _plain(b"".join(self._body), self._headers.get("Content-Encoding", ""))
        except BodyUnreadable:
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
            return
        self._hand_over(body, last=not self._parser.should_keep_alive() or self._parser.should_upgrade(), wrong=None)

    def _refuse(self, status: int) -> None:
        if not self._broken:
            self._broken = True
            self._hand_over(b"", last=True, wrong=status)

    def _hand_over(self, body: bytes, *, last: bool, wrong: int | None) -> None:
        try:
            url = URL(self._url.decode("utf-8", "surrogateescape"), encoded=True)
            url = url.relative() if url.absolute else url
        except ValueError:
            url, wrong, last = URL("/"), wrong or HTTPStatus.BAD_REQUEST, True
        method = self._parser.get_method().decode("ascii", "replace")
        self._came(Request(method, url, self._headers, body, last, wrong))


def _plain(body: bytes, encoding: str) -> bytes:
    """Undo a body's compression."""
    return Unpacking(encoding)(body) if encoding else body
