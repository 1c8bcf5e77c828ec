"""Stories of waiting: as long as the provider asks, no two callers at once, the same in every rerun."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.providers.retry import Retry, retry_after_in, spread_of, wait_before
from events.digest import digest_of

NOW = datetime(2026, 11, 21, 5, 0, 0, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 10**6


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"retry-after-ms": "120", "Retry-After": "1"}, 0.12),
        ({"Retry-After": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90.0),
        ({"Retry-After": format_datetime(NOW - timedelta(days=1), usegmt=True)}, 0.0),
        ({"Retry-After": "Sat, 21 Nov 2026 05:00:07"}, 7.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "-1"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m0.5s"}, 60.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6h120ms"}, 21600.12),
        ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "6h"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "later"}, None),
    ],
)
def test_what_the_provider_asks_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds, a date against our own clock, or the time a limit is reset."""
    assert retry_after_in(httpx.Headers(headers), NOW_US) == seconds


@given(st.text(max_size=40))
def test_any_other_header_is_no_wish(value: str) -> None:
    """Whatever stands there, waiting is a number of seconds or nothing."""
    seconds = retry_after_in(httpx.Headers([(b"retry-after", value.encode("utf-8", "replace"))]), NOW_US)
    assert seconds is None or seconds >= 0


@given(st.floats(0, 3600), st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_never_earlier_than_the_provider_asked(asked: float, made: int, spread: float) -> None:
    """And at most one first wait later, which keeps callers apart."""
    assert asked <= wait_before(Retry(), made, asked, spread) <= asked + Retry().first_wait_s


def test_waits_double_up_to_the_longest() -> None:
    """Half of each is fixed and half is spread."""
    retry = Retry(first_wait_s=1.0, longest_wait_s=8.0)
    assert [wait_before(retry, made, None, 0.0) for made in range(1, 7)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    assert wait_before(retry, 1, None, 0.5) == 0.75
    assert wait_before(retry, 10_000, None, 0.0) == 4.0


def test_callers_refused_together_do_not_come_back_together() -> None:
    """The spread is drawn from the request, so it needs no dice and is the same again tomorrow."""
    requests = [digest_of(f"trial {number}".encode()) for number in range(1000)]
    spreads = [spread_of(request, 1) for request in requests]
    assert spreads == [spread_of(request, 1) for request in requests]
    assert all(0 <= spread < 1 for spread in spreads)
    assert all(60 < sum(low <= 10 * spread < low + 1 for spread in spreads) < 140 for low in range(10))
    assert spread_of(requests[0], 1) != spread_of(requests[0], 2)
