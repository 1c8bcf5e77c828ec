"""How long a provider asks to wait, as its headers say. Whether a call is made again: `engine.policies.call_retry`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from engine.protocols.allowance import duration_in, number_in


def retry_after_in(headers: Mapping[str, str], now_us: int) -> float | None:
    """Read how long the provider asks to wait.

    ``retry-after-ms`` (OpenAI, Azure) before ``Retry-After`` (seconds or an HTTP date) before the reset time of
    whichever ``x-ratelimit`` is used up.

    Args:
        headers: Of the answer, found by lower-case names.
        now_us: UTC microseconds since 1970, against which a date is read.

    Returns:
        Seconds, 0 or more; None when it does not ask, or not in a way that can be read.
    """
    if (milliseconds := number_in(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    given = headers.get("retry-after")
    if given is not None:
        seconds = number_in(given)
        return _until(given, now_us) if seconds is None else seconds
    resets = [
        duration_in(headers.get(f"x-ratelimit-reset-{what}", ""))
        for what in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{what}") == "0"
    ]
    return max((reset for reset in resets if reset is not None), default=None)


def _until(date: str, now_us: int) -> float | None:
    """Read seconds until an HTTP date; 0 when it has passed."""
    try:
        then = parsedate_to_datetime(date)
    except ValueError:
        return None
    # An HTTP date is in GMT even where its zone is missing.
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.fromtimestamp(now_us / 1e6, UTC)).total_seconds())
