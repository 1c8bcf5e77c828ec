"""The way to a provider: where it is, the key, and one pool of connections for all agents of a run."""

import re
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final, NamedTuple

from multidict import CIMultiDict
from yarl import URL

from engine.gateway.http.asking import AnswerBroken, Connection, Origin, connect
from engine.gateway.wires.base import Wire
from engine.gateway.wires.table import below
from engine.providers.prices import Price
from events.digest import Digest

CONNECT_S: Final = 10.0
"""Seconds to a usable connection."""
KEPT_S: Final = 15.0
"""Seconds a connection is kept for the next request: providers close theirs after 20 and more."""
_BREAKS: Final = re.compile(r"[\r\n\0]")

_OURS: Final = frozenset(
    {
        "accept-encoding",  # what comes back is kept as it is read
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-api-key",
        "x-goog-api-key",
    }
)
"""Headers of an agent's request that are not passed on."""


class Upstream(NamedTuple):
    """A provider that a role's model is reached at."""

    base_url: str
    key: str | None
    """None: none is sent."""
    price: Price | None
    """None: unknown; only the provider's own figure can then say what a call cost."""
    timeout_s: float
    """Seconds until a call is complete."""


class Going(NamedTuple):
    """A request on its way to a provider."""

    wire: Wire
    path: str
    """As the agent asked, with its query."""
    headers: Mapping[str, str]
    """As the agent sent them."""
    body: bytes
    digest: Digest
    """Of the body."""


class Carrier:
    """Carries requests to providers; any number at once."""

    def __init__(self) -> None:
        self._idle: dict[Origin, deque[Connection]] = {}

    @asynccontextmanager
    async def send(self, going: Going, upstream: Upstream) -> AsyncIterator[Connection]:
        """Send a request; give the answer's connection as soon as it is known how the answer begins.

        Raises:
            TimeoutError, OSError: There is no answer.
        """
        url = URL(below(upstream.base_url, going.path), encoded=True)
        origin, data = _origin(url), _head(url, going, upstream.key) + going.body
        connection = self._idle_one(origin) or await connect(origin, CONNECT_S)
        try:
            connection.ask(data)
            await connection.head()
            yield connection
        finally:
            self._take_back(connection)

    def _idle_one(self, origin: Origin) -> Connection | None:
        """Take a connection that may be used again. None: there is none."""
        kept = self._idle.get(origin)
        while kept:
            connection = kept.pop()
            if connection.fresh and connection.idle_s < KEPT_S:
                return connection
            connection.close()
        return None

    def _take_back(self, connection: Connection) -> None:
        """Keep a connection for later, if it is of use; let go of those that were not used for long."""
        if not connection.reusable:
            connection.close()
            return
        kept = self._idle.setdefault(connection.origin, deque())
        while kept and kept[0].idle_s >= KEPT_S:
            kept.popleft().close()
        kept.append(connection)

    def close(self) -> None:
        """Let go of all that wait."""
        for kept in self._idle.values():
            for connection in kept:
                connection.close()
        self._idle.clear()


@contextmanager
def open_carrier() -> Iterator[Carrier]:
    """Open a pool without a limit: whoever wants one puts it in front, where it can be seen and recorded."""
    carrier = Carrier()
    try:
        yield carrier
    finally:
        carrier.close()


def _origin(url: URL) -> Origin:
    """Say what to connect to."""
    if url.host is None or url.port is None or url.scheme not in {"http", "https"}:
        raise AnswerBroken(f"{url.with_query(None)} is no address of a provider")
    return Origin(url.scheme == "https", url.host, url.port)


def _head(url: URL, going: Going, key: str | None) -> bytes:
    """Write how the request begins."""
    headers = _headers(going, key)
    lines = [f"POST {url.raw_path_qs} HTTP/1.1", f"Host: {url.host_port_subcomponent}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if any(_BREAKS.search(line) for line in lines):
        raise AnswerBroken("a header of the request, or the key, holds a line break")
    return "\r\n".join([*lines, f"Content-Length: {len(going.body)}", "\r\n"]).encode("utf-8", "surrogateescape")


def _headers(going: Going, key: str | None) -> CIMultiDict[str]:
    headers = CIMultiDict((name, value) for name, value in going.headers.items() if name.lower() not in _OURS)
    headers["Accept-Encoding"] = "identity"
    if key is not None:
        name, value = going.wire.key(key)
        headers[name] = value
    return headers
