"""What a provider says is left of its limits, as it says it in the headers of its answers.

OpenAI and those that follow it write ``x-ratelimit-remaining-tokens`` and ``x-ratelimit-reset-tokens: 6m0s``;
Anthropic writes ``anthropic-ratelimit-tokens-remaining`` and a date in ``anthropic-ratelimit-tokens-reset``.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct


class RateLimit(Struct, frozen=True):
    """What is left of one limit.

    Attributes:
        remaining: Requests or tokens, 0 or more.
        limit: How many there are when nothing is used. None: not said.
        reset_s: Seconds until all of it is there again, 0 or more. None: not said.
    """

    remaining: float
    limit: float | None = None
    reset_s: float | None = None


class RateLimitHeaders(Struct, frozen=True):
    """What is left of all limits. None: nothing was said of that one."""

    requests: RateLimit | None = None
    tokens: RateLimit | None = None


SILENT: Final = RateLimitHeaders()
"""Nothing was said."""

_DURATION: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
"""OpenAI's way to write when a limit is reset: ``1s``, ``6m0s``, ``120ms``."""

_FORMS: Final = ("x-ratelimit-{part}-{what}", "anthropic-ratelimit-{what}-{part}")


def allowance_in(headers: Mapping[str, str], now_us: int) -> RateLimitHeaders:
    """Read what is left; what cannot be read counts as not said.

    Args:
        headers: Of an answer, found by lower-case names.
        now_us: UTC microseconds since 1970, against which a date is read.
    """
    if not any("ratelimit" in name for name in headers):  # most say nothing, and looking names up one by one is slow
        return SILENT
    return RateLimitHeaders(requests=_left(headers, "requests", now_us), tokens=_left(headers, "tokens", now_us))


def _left(headers: Mapping[str, str], what: str, now_us: int) -> RateLimit | None:
    for form in _FORMS:
        remaining = number_in(headers.get(form.format(part="remaining", what=what)))
        if remaining is not None:
            limit = number_in(headers.get(form.format(part="limit", what=what)))
            return RateLimit(remaining, limit, _seconds(headers.get(form.format(part="reset", what=what)), now_us))
    return None


def _seconds(text: str | None, now_us: int) -> float | None:
    """Read a time to wait: ``6m0s``, plain seconds, or an RFC 3339 date."""
    if not text:
        return None
    given = duration_in(text)
    seconds = number_in(text) if given is None else given
    return _until(text, now_us) if seconds is None else seconds


def _until(date: str, now_us: int) -> float | None:
    try:
        then = datetime.fromisoformat(date.strip())
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, then.timestamp() - now_us / 1e6)


def number_in(text: str | None) -> float | None:
    """Read a plain decimal number; None for anything else, ``nan`` and ``inf`` included."""
    if text is None:
        return None
    plain = text.strip()
    return float(plain) if re.fullmatch(r"\d{1,9}(\.\d+)?", plain) else None


def duration_in(text: str) -> float | None:
    """Read a time as OpenAI writes it, in seconds; None for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
