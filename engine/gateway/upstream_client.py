"""The way to a provider: where it is, the key, and one pool of connections for all agents of a run."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import lru_cache
from typing import Final, NamedTuple

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from engine.protocols.base import ApiProtocol
from engine.protocols.routes import below
from engine.providers.transport import open_session
from engine.providers.upstream import Upstream
from events.digest import Digest

CONNECT_S: Final = 10.0
"""Seconds to a usable connection."""

_OURS: Final = frozenset(
    {
        "api-key",
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


class UpstreamRequest(NamedTuple):
    """A request on its way to a provider."""

    protocol: ApiProtocol
    path: str
    """As the agent asked, with its query."""
    headers: Mapping[str, str]
    """As the agent sent them."""
    body: bytes
    digest: Digest
    """Of the body."""


class UpstreamClient:
    """Carries requests to providers; any number at once."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    def send(
        self, going: UpstreamRequest, upstream: Upstream, key: str | None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send a request, once; give the answer as soon as its headers are there.

        Args:
            going: The request.
            upstream: Where to.
            key: The key or token. None: none is sent.

        Raises (when entered, and while the body is read):
            aiohttp.ClientError, OSError: There is no answer, or it ends too early; TimeoutError: no connection.
            ValueError: The request cannot be written.
        """
        return self._session.post(
            _url(upstream.base_url, going.path),
            data=going.body,
            headers=_headers(going, upstream, key),
            timeout=aiohttp.ClientTimeout(connect=CONNECT_S),
            allow_redirects=False,
        )


@asynccontextmanager
async def open_carrier() -> AsyncIterator[UpstreamClient]:
    """Open a pool without a limit: whoever wants one puts it in front, where it can be seen and recorded."""
    async with open_session() as session:
        yield UpstreamClient(session)


@lru_cache(maxsize=64)
def _url(base_url: str, path: str) -> URL:
    return URL(below(base_url, path), encoded=True)


def _headers(going: UpstreamRequest, upstream: Upstream, key: str | None) -> CIMultiDict[str]:
    headers = CIMultiDict((name, value) for name, value in going.headers.items() if name.lower() not in _OURS)
    headers["Accept-Encoding"] = "identity"
    if key is not None:
        carrier = upstream.carrier
        name, value = going.protocol.key(key) if carrier is None else (carrier.name, carrier.value(key))
        headers[name] = value
    return headers
