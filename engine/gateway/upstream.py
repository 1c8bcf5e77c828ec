"""The way to a provider: where it is, the key, and one pool of connections for all agents of a run."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

import anyio
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


class Sending:
    """A request on its way: all of it but the last byte may be there before it is asked for.

    Without that byte it is no request, and nobody can act on it; so what takes time before can be done while what is
    asked becomes durable (``docs/decisions/0010``).
    """

    def __init__(self, pool: "Carrier", origin: Origin, data: bytes) -> None:
        self._pool = pool
        self._origin = origin
        self._data = data
        self._connection = pool.idle(origin)
        if self._connection is not None:
            self._connection.prepare(data[:-1])

    async def complete(self) -> Connection:
        """Send the last byte, and wait for how the answer begins.

        Raises:
            TimeoutError, OSError: There is no answer.
        """
        connection = self._connection
        if connection is None or not connection.fresh:
            # Whatever became of the one that was kept: it never had the whole request.
            self.close()
            self._connection = connection = await connect(self._origin, CONNECT_S)
            connection.prepare(self._data[:-1])
        connection.ask(self._data[-1:])
        await connection.head()
        return connection

    def close(self) -> None:
        """Let go of the connection, or keep it for the next request if it is of use still."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.take_back(connection)


class Carrier:
    """Carries requests to providers; any number at once."""

    def __init__(self) -> None:
        self._idle: dict[Origin, deque[Connection]] = {}

    def prepare(self, going: Going, upstream: Upstream) -> Sending:
        """Send a request but for its last byte, if there is a connection that waits for one.

        Raises:
            OSError: It cannot be sent to anyone.
        """
        url = URL(below(upstream.base_url, going.path), encoded=True)
        return Sending(self, _origin(url), _head(url, going, upstream.key) + going.body)

    def idle(self, origin: Origin) -> Connection | None:
        """Take a connection that may be used again. None: there is none."""
        kept = self._idle.get(origin)
        while kept:
            connection = kept.pop()
            if connection.fresh and anyio.current_time() - connection.idle_since < KEPT_S:
                return connection
            connection.close()
        return None

    def take_back(self, connection: Connection) -> None:
        """Keep a connection for later, if it is of use; let go of those that were not used for long."""
        if not connection.reusable:
            connection.close()
            return
        now = connection.idle_since = anyio.current_time()
        kept = self._idle.setdefault(connection.origin, deque())
        while kept and now - kept[0].idle_since >= KEPT_S:
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
