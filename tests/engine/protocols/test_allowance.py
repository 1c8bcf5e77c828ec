"""Stories of what providers say is left of their limits."""

from engine.protocols.allowance import SILENT, RateLimit, RateLimitHeaders, allowance_in

NOON = 1_700_000_000_000_000


def test_openai_says_what_is_left_and_when_it_is_back() -> None:
    """Durations as it writes them."""
    headers = {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "4",
        "x-ratelimit-reset-requests": "59.52s",
        "x-ratelimit-remaining-tokens": "1999",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert allowance_in(headers, NOON) == RateLimitHeaders(RateLimit(4, 500, 59.52), RateLimit(1999, None, 360.0))


def test_anthropic_says_it_with_dates() -> None:
    """RFC 3339, read against the clock."""
    headers = {
        "anthropic-ratelimit-tokens-limit": "80000",
        "anthropic-ratelimit-tokens-remaining": "100",
        "anthropic-ratelimit-tokens-reset": "2023-11-14T22:13:50Z",
    }
    assert allowance_in(headers, NOON) == RateLimitHeaders(None, RateLimit(100, 80000, 30.0))


def test_what_cannot_be_read_counts_as_not_said() -> None:
    """A header of a proxy must not bring a run to a halt."""
    assert allowance_in({}, NOON) == SILENT
    assert allowance_in({"x-ratelimit-remaining-tokens": "plenty"}, NOON) == SILENT
    odd = {"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "soon"}
    assert allowance_in(odd, NOON) == RateLimitHeaders(None, RateLimit(5, None, None))
