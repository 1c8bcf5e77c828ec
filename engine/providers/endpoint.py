"""Where calls go and under which headers, checked before anything is sent."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import httpx
from msgspec import Struct

from engine.protocols.chat_request import CHAT_PATH
from engine.protocols.errors import EndpointInvalid
from engine.protocols.request import RequestProtocol
from engine.providers.base import Clock
from engine.providers.credentials import Credential, StaticKey
from engine.providers.key_header import BEARER, KeyHeader

OWN = frozenset({"accept", "authorization", "content-length", "content-type", "host", "transfer-encoding"})
"""Headers that the call sets itself."""
_VERSION: Final = re.compile(r"/v\d+(alpha|beta)?\d*$")
"""How a base URL ends that names the version of the API."""
_VERSIONS: Final[dict[RequestProtocol, str]] = {
    "chat": "/v1",
    "responses": "/v1",
    "messages": "/v1",
    "gemini": "/v1beta",
    "embeddings": "/v1",
}
"""The version that a base URL without one means."""


def url_for(base_url: str, protocol: RequestProtocol = "chat", path: str = CHAT_PATH) -> httpx.URL:
    """Complete a base URL.

    A bare host gets the version of the protocol's API and the path, such as ``/v1/chat/completions``; a path gets
    ``/chat/completions``. For the other protocols a path that names no version gets one, as their own clients do it.
    A URL that already ends with the path is taken as it is. A query stays (Azure's ``api-version``).

    Args:
        base_url: As a spec has it.
        protocol: What the endpoint takes.
        path: Of the request, below the version, with its query.

    Raises:
        EndpointInvalid: No scheme or host, another scheme than HTTP, or a password in it.
    """
    url, (path, _, query) = checked_url(base_url), path.partition("?")
    base = url.path.rstrip("/")
    if not base.endswith(path):
        lacks_version = not base if protocol in ("chat", "embeddings") else not _VERSION.search(base)
        base += (_VERSIONS[protocol] if lacks_version else "") + path
    return joined(url, base, query)


def joined(url: httpx.URL, path: str, query: str) -> httpx.URL:
    """Put a path below a URL, and a query behind the one that it has."""
    both = "&".join(filter(None, (url.query.decode("ascii"), query)))
    # Written out: what is quoted in a path must not be quoted again.
    return httpx.URL(f"{url.scheme}://{url.netloc.decode('ascii')}{path}{'?' if both else ''}{both}")


def checked_url(base_url: str) -> httpx.URL:
    """Read a base URL.

    Raises:
        EndpointInvalid: No scheme or host, another scheme than HTTP, or a password in it.
    """
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL as error:
        raise EndpointInvalid(f"the base URL {base_url!r} is not a URL: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise EndpointInvalid(
            f"the base URL {base_url!r} has no http:// or https:// and host",
            remedy="write it in full, such as https://api.openai.com/v1",
        )
    if url.userinfo:  # the URL itself is a setting, and settings are recorded: so it is not repeated here
        raise EndpointInvalid(
            f"the base URL of {url.host} holds a user name or password",
            remedy="take it out; give the key by the name of its variable",
        )
    return url


def headers_for(api_key: str | None, extra: Mapping[str, str], carrier: KeyHeader = BEARER) -> httpx.Headers:
    """Build the headers of every call.

    Args:
        api_key: The key or token. None: none is sent.
        extra: Sent besides.
        carrier: The header that carries the key.

    Raises:
        EndpointInvalid: The key or a header could not be sent as it is, or a header is set by the call itself.
    """
    headers = httpx.Headers({"Content-Type": "application/json", "Accept": "*/*", "User-Agent": "stillroom"})
    for name, value in extra.items():
        if name.lower() in OWN:
            raise EndpointInvalid(f"the header {name!r} is set by the call itself")
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not re.fullmatch(r"[\x20-\x7e]*", value):
            raise EndpointInvalid(f"the header {name!r} cannot be sent: only printable ASCII may be used")
        headers[name] = value
    if api_key is not None:
        if not re.fullmatch(r"[\x21-\x7e]+", api_key):
            raise EndpointInvalid(
                "the API key is empty, or holds blanks or characters that no key has",
                remedy="look for a line break or quotes around the key where it is kept",
            )
        headers[carrier.name] = carrier.value(api_key)
    return headers


class TransportOptions(Struct, frozen=True, kw_only=True):
    """How requests to an endpoint are made, besides its address.

    Attributes:
        headers: Sent with every call, such as ``X-Title``. Never a key: settings are recorded.
        connect_s: Seconds to a usable connection, above 0.
        total_s: Seconds until one physical call is complete, above 0, where the request does not say.
        echo: Fields of the model's message that this provider wants back in the conversation, such as
            ``reasoning_details`` (OpenRouter) or ``reasoning_content``; others are dropped from it.
    """

    headers: dict[str, str] = {}
    connect_s: float = 10.0
    total_s: float = 600.0
    echo: tuple[str, ...] = ()


class ModelEndpoint(NamedTuple):
    """Where the models of a provider are reached, and with what."""

    base_url: str
    client: httpx.AsyncClient
    """Carries the calls; see ``transport.open_client``."""
    clock: Clock
    """Against which dates are read."""
    credential: Credential = StaticKey(None)
    header: KeyHeader | None = None
    """What carries the key or token. None: what the provider has for it."""
    version: str | None = None
    """Of the API. None: the provider's own choice."""
    wire: TransportOptions = TransportOptions()
