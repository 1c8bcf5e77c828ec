"""Stories of the table of known prices: every row says where it comes from, and none counts unasked."""

import datetime as dt
import re
from collections import Counter
from decimal import Decimal

import pytest

from engine.config.spec import BudgetSpec, ModelSpec, PriceSpec, RunSpec
from engine.effects.callers import callers_of, price_of, with_known_prices
from engine.providers.known_prices import KnownPrice, known_price, known_prices
from engine.providers.prices import PriceUnknown
from engine.providers.registry import provider_named

GPT = ModelSpec(model="gpt-4.1", base_url="https://example.org/v1", provider="openai")
ROLES = {"teacher": None}


def asked(model: ModelSpec = GPT, **more: object) -> RunSpec:
    """Say what to run, within a budget."""
    return RunSpec(tasks="tasks", models={"teacher": model}, budget=BudgetSpec(run_usd=Decimal(5)), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("row", known_prices(), ids=lambda row: row.model)
def test_every_row_has_a_source_a_day_and_prices_that_can_be(row: KnownPrice) -> None:
    """A price that nobody can look up again is none; and its provider is one that a spec can name."""
    assert re.match(r"https://\S+\.\S+/\S", row.source)
    assert dt.date(2026, 1, 1) <= row.seen <= dt.date(2030, 1, 1)
    assert provider_named(row.provider).name == row.provider
    assert 0 < row.input <= row.output < 1000, "output costs no less than input at any of these providers"
    assert row.cached_input is None or 0 <= row.cached_input <= row.input
    assert row.cache_write is None or row.cache_write >= row.input
    assert row.source in row.told
    assert str(row.seen) in row.told


def test_a_model_has_one_row() -> None:
    """Else which one counts would depend on their order."""
    assert set(Counter((row.provider, row.model) for row in known_prices()).values()) == {1}


def test_no_known_price_counts_unasked_and_the_remedy_names_it() -> None:
    """A budget that counts by a price that nobody looked at is worse than one that is refused."""
    with pytest.raises(PriceUnknown, match=re.escape("gpt-4.1")) as refused:
        callers_of(with_known_prices(asked()), ROLES, "t")
    row = known_price("openai", "gpt-4.1")
    assert row is not None
    assert "--prices shipped" in refused.value.remedy
    assert row.told in refused.value.remedy
    with pytest.raises(PriceUnknown) as other:
        callers_of(asked(ModelSpec(model="nobody-knows", base_url="https://example.org/v1")), ROLES, "t")
    assert "shipped" not in other.value.remedy


def test_what_is_accepted_is_written_into_the_spec() -> None:
    """So that a later table changes no recorded run."""
    spec = with_known_prices(asked(price_table="shipped"))
    assert spec.prices == {"gpt-4.1": PriceSpec(input=Decimal(2), output=Decimal(8))}
    (caller,) = callers_of(spec, ROLES, "t").values()
    assert caller.reserve is not None
    assert caller.reserve.price == price_of(spec, GPT)


def test_a_price_of_ones_own_goes_before_a_known_one() -> None:
    """Whoever has a contract knows better."""
    own = {"gpt-4.1": PriceSpec(input=Decimal(1), output=Decimal(4))}
    assert with_known_prices(asked(price_table="shipped", prices=own)).prices == own


def test_the_same_model_at_an_address_of_nobody_has_no_known_price() -> None:
    """A router may ask anything for it."""
    assert known_price(None, "gpt-4.1") is None
    assert (
        with_known_prices(asked(ModelSpec(model="gpt-4.1", base_url="https://r.org"), price_table="shipped")).prices
        == {}
    )


def test_an_answer_that_nothing_bounds_has_a_sum_set_aside_and_nothing_is_sent() -> None:
    """No parameter is sent that nobody set."""
    spec = with_known_prices(asked(price_table="shipped"))
    (caller,) = callers_of(spec, ROLES, "t").values()
    assert caller.reserve is not None
    assert (caller.reserve.most_output, caller.reserve.sent) == (16_384, False)
    assert caller.parameters == {}
    bounded = asked(ModelSpec(model="gpt-4.1", base_url="https://h", provider="openai", parameters={"max_tokens": 9}))
    (caller,) = callers_of(with_known_prices(_accepting(bounded)), ROLES, "t").values()
    assert caller.reserve is not None
    assert (caller.reserve.most_output, caller.reserve.sent) == (9, True)


def _accepting(spec: RunSpec) -> RunSpec:
    return RunSpec(tasks="tasks", models=spec.models, budget=spec.budget, price_table="shipped")
