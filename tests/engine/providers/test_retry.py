"""Stories of what a provider asks for: how long to wait, in whatever way it says so."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.providers.retry import retry_after_in

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
