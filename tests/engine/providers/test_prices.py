"""Stories of money: nothing lost, nothing rounded down, no price guessed."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.request import ChatRequest
from engine.protocols.usage import ReportedUsage
from engine.providers.base import body_of
from engine.providers.prices import (
    MILLION,
    MOST_TIMES,
    NANO,
    Price,
    PriceInvalid,
    cost_of,
    credible,
    price_from,
    reported_cost,
    upper_bound,
)

TOKENS = st.integers(0, 10**9)
USD = st.decimals(min_value=0, max_value=10**4, places=9)
PRICES = st.builds(price_from, USD, USD, st.none() | USD, st.none() | USD)


def test_a_price_far_below_a_nano_dollar_a_token_is_kept_exactly() -> None:
    """$0.075 per million is 0.075 nano-USD a token: kept per token it would have become nothing."""
    price = price_from("0.075", "0.30")
    assert price == Price(
        input_per_million=75_000_000,
        output_per_million=300_000_000,
        cached_per_million=75_000_000,
        cache_write_per_million=75_000_000,
    )
    assert cost_of(ReportedUsage(input_tokens=MILLION, output_tokens=0), price) == 75_000_000


def test_one_token_costs_at_least_one_nano_dollar() -> None:
    """Rounding is up, so that a cap is never passed by what was rounded away."""
    assert cost_of(ReportedUsage(input_tokens=1, output_tokens=0), price_from("0.000000001", "0")) == 1
    assert cost_of(ReportedUsage(input_tokens=0, output_tokens=0), price_from("9", "9")) == 0


def test_cached_input_is_charged_at_its_own_price() -> None:
    """Cached tokens are part of the input; they are not charged twice."""
    usage = ReportedUsage(input_tokens=1000, output_tokens=10, cached_input_tokens=900)
    assert cost_of(usage, price_from("2", "8", "0.5")) == 100 * 2000 + 900 * 500 + 10 * 8000


def test_input_put_into_a_cache_is_charged_at_its_own_price() -> None:
    """Anthropic asks a quarter more for it; where no price is given, it costs what other input does."""
    usage = ReportedUsage(input_tokens=1000, output_tokens=10, cached_input_tokens=600, cache_write_tokens=300)
    assert cost_of(usage, price_from("2", "8", "0.5", "2.5")) == 100 * 2000 + 600 * 500 + 300 * 2500 + 10 * 8000
    assert cost_of(usage, price_from("2", "8", "0.5")) == 400 * 2000 + 600 * 500 + 10 * 8000


@pytest.mark.parametrize("parts", [(11, 0), (0, 11), (6, 5)])
def test_more_cached_than_read_earns_no_discount(parts: tuple[int, int]) -> None:
    """A count that makes no sense must not make a call cheap."""
    read, kept = parts
    usage = ReportedUsage(input_tokens=10, output_tokens=0, cached_input_tokens=read, cache_write_tokens=kept)
    assert cost_of(usage, price_from("2", "8", "0", "0")) == 20_000


@pytest.mark.parametrize("usage", [ReportedUsage(), ReportedUsage(input_tokens=1), ReportedUsage(output_tokens=1)])
def test_an_unknown_count_is_an_unknown_cost(usage: ReportedUsage) -> None:
    """What the provider did not say is not 0."""
    assert cost_of(usage, price_from("1", "1")) is None


@pytest.mark.parametrize(
    ("stated", "counted", "believed"),
    [
        (0, 5, True),
        (7 * NANO, None, True),
        (MOST_TIMES * 5 + NANO, 5, True),
        (MOST_TIMES * 5 + NANO + 1, 5, False),
    ],
)
def test_a_providers_own_figure_is_believed_if_it_can_be(stated: int, counted: int | None, *, believed: bool) -> None:
    """It knows its discounts, and what its tools cost; we know only a list price. Far beyond it there is a mistake."""
    assert credible(stated, counted) == believed


@pytest.mark.parametrize(
    "amount",
    ["", "free", "NaN", "Infinity", "-1", "0.0000000001", "1e999999", 0.1, True, Decimal("sNaN")],
)
def test_what_is_no_amount_of_money_is_refused(amount: str) -> None:
    """A wrong price is found when it is written, with words that help, not when the budget is gone."""
    with pytest.raises(PriceInvalid) as refused:
        price_from(amount, "1")
    assert refused.value.remedy


@given(price=PRICES, new=TOKENS, written=TOKENS, cached=TOKENS, kept=TOKENS)
def test_a_cost_is_the_exact_sum_rounded_up(price: Price, new: int, written: int, cached: int, kept: int) -> None:
    """Compared with fractions, which lose nothing."""
    read = new + cached + kept
    usage = ReportedUsage(input_tokens=read, output_tokens=written, cached_input_tokens=cached, cache_write_tokens=kept)
    exact = Fraction(
        new * price.input_per_million
        + cached * price.cached_per_million
        + kept * price.cache_write_per_million
        + written * price.output_per_million,
        MILLION,
    )
    cost = cost_of(usage, price)
    assert cost is not None
    assert 0 <= cost - exact < 1


@given(price=PRICES, text=st.text(), room=st.integers(0, 10**6))
def test_no_call_costs_more_than_its_bound(price: Price, text: str, room: int) -> None:
    """At most a token for each byte: even a model without a vocabulary keeps within what was set aside."""
    body = body_of(ChatRequest(model="m", messages=(b'{"role":"user","content":"x"}',), parameters={"user": text}))
    for cached, kept in ((0, 0), (len(body), 0), (0, len(body))):
        worst = ReportedUsage(
            input_tokens=len(body), output_tokens=room, cached_input_tokens=cached, cache_write_tokens=kept
        )
        cost = cost_of(worst, price)
        assert cost is not None
        assert cost <= upper_bound(len(body), room, price)


@given(USD)
def test_a_price_is_read_as_it_was_written(usd: Decimal) -> None:
    """Nine decimals fit; a string, a Decimal and what is kept say the same amount."""
    assert price_from(usd, 0) == price_from(str(usd), 0)
    assert Decimal(price_from(usd, 0).input_per_million) / NANO == usd


@given(st.decimals(min_value=0, max_value=10**5, allow_nan=False))
def test_a_reported_cost_is_rounded_up(usd: Decimal) -> None:
    """However fine the provider's figure is."""
    assert 0 <= Fraction(reported_cost(usd)) - Fraction(usd) * NANO < 1
