"""Where calls go and under which headers, checked before anything is sent."""

import re
from collections.abc import Mapping

import httpx

from engine.protocols.errors import EndpointInvalid

PATH = "/chat/completions"

OWN = frozenset({"accept", "authorization", "content-length", "content-type", "host", "transfer-encoding"})
"""Headers that the call sets itself."""


def url_for(base_url: str) -> httpx.URL:
    """Complete a base URL.

    A bare host gets ``/v1/chat/completions``, a path gets ``/chat/completions``, and a URL that already ends
    so is taken as it is. A query stays (Azure's ``api-version``).

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
    path = url.path.rstrip("/")
    if path.endswith(PATH):
        return url.copy_with(path=path, fragment=None)
    return url.copy_with(path=(path or "/v1") + PATH, fragment=None)


def headers_for(api_key: str | None, extra: Mapping[str, str]) -> httpx.Headers:
    """Build the headers of every call.

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
        headers["Authorization"] = f"Bearer {api_key}"
    return headers
