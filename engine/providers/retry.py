"""When to ask again, and how long to wait first. Pure, but for the loop that tenacity runs elsewhere."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from msgspec import Struct

from engine.protocols.allowance import duration_in, number_in
from events.digest import Digest, digest_of


class Retry(Struct, frozen=True, kw_only=True):
    """How often one question may be asked, and at what distance.

    Attributes:
        tries: Physical calls at most for one logical one, 1 or more, the first included. Refusals because of too many
            calls (429) are not counted: the pool slows down until the provider bears it, and the time budget bounds
            them. Where there is no such budget, or nothing is to be repeated (1), they are counted like the others.
        first_wait_s: Seconds before the second call, 0 or more; each further wait is twice the one before.
        longest_wait_s: Seconds that doubling stops at. A wait the provider asks for is honoured beyond it.
        budget_s: Seconds from the first call after which no further one is begun; a wait that would pass it is
            not begun either. None: no such limit.
    """

    tries: int = 5
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    budget_s: float | None = 900.0


def wait_before(retry: Retry, tries_made: int, retry_after_s: float | None, spread: float) -> float:
    """Say how many seconds to wait before the next call.

    What the provider asks for is waited at least. The spread keeps a thousand callers that were refused
    together from coming back together.

    Args:
        retry: The settings.
        tries_made: Physical calls so far, 1 or more.
        retry_after_s: Seconds the provider asked to wait; None when it did not ask.
        spread: Where in the spread this call lies, in [0, 1).
    """
    if retry_after_s is not None:
        return retry_after_s + retry.first_wait_s * spread
    doubled = retry.first_wait_s * 2.0 ** min(tries_made - 1, 60)
    return min(doubled, retry.longest_wait_s) * (1.0 + spread) / 2.0


def spread_of(request: Digest, tries_made: int) -> float:
    """Derive a spread in [0, 1) from the request itself: differing between callers, the same in every rerun."""
    return int(digest_of(f"{request}/{tries_made}".encode())[:13], 16) / 16**13


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
