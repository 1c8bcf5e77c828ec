"""Which headers of an answer an agent gets, and are on record: those that agents go by, and none that may hold a key.

An allow list: what a provider sends beside these (cookies, names of accounts and of machines) is nobody's to keep.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from events.types.agent import HeaderTold

_NAMES: Final = frozenset(
    {
        "apim-request-id",
        "cf-ray",
        "content-type",
        "openai-model",
        "openai-processing-ms",
        "openai-version",
        "request-id",
        "retry-after",
        "retry-after-ms",
        "x-goog-request-id",
        "x-ms-request-id",
        "x-ms-retry-after-ms",
        "x-request-id",
        "x-should-retry",
    }
)
_BEGINNINGS: Final = ("anthropic-ratelimit-", "ratelimit", "x-ratelimit-", "x-codex-")
_LONGEST: Final = 1_000
"""Characters of a value; a longer one is none of these."""


def told_headers(headers: Iterable[tuple[str, str]], key: str | None) -> tuple[HeaderTold, ...]:
    """Choose the headers of an answer that its agent gets, in their order.

    Args:
        headers: Names and values, as the provider sent them.
        key: The provider's key, which no agent may see. None: there is none.
    """
    return tuple(_chosen(headers, key))


def _chosen(headers: Iterable[tuple[str, str]], key: str | None) -> Iterator[HeaderTold]:
    for name, value in headers:
        low = name.lower()
        if (low in _NAMES or low.startswith(_BEGINNINGS)) and _fit(value) and not (key and key in value):
            yield HeaderTold(low, value)


def _fit(value: str) -> bool:
    """Say whether a value can be sent on and written down."""
    return len(value) <= _LONGEST and value.isprintable() and value.isascii()
