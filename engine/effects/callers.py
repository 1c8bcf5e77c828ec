"""How a program's roles ask their models: with which parameters, at which price, on whose account."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from engine.config.program_registry import specs_of
from engine.config.spec import ModelSpec, Parameters, PriceSpec, RunSpec, model_for
from engine.effects.model_calls import Caller, Reserve
from engine.protocols.request import INCLUDE_USAGE
from engine.providers.known_prices import known_price
from engine.providers.prices import Price, PriceUnknown, price_from
from events.values import NanoUsd


def callers_of(spec: RunSpec, roles: Mapping[str, str | None], account: str) -> dict[str, Caller]:
    """Say how each role's model is asked.

    Args:
        spec: Which names the models.
        roles: By role, the role whose model stands in where the spec names none.
        account: Who pays, such as a trial.

    Raises:
        PriceUnknown: A cap is set, and a model has no price.
    """
    callers: dict[str, Caller] = {}
    for role, other in roles.items():
        model = model_for(spec, role, other)
        if model is not None:
            callers[role] = Caller(
                trial=account,
                role=role,
                model=model.model,
                parameters=_parameters(model),
                stream=model.stream and model.protocol != "embeddings",
                timeout_s=model.timeout_s,
                reserve=_reserve(spec, model),
                protocol=model.protocol,
            )
    return callers


def _parameters(model: ModelSpec) -> Parameters:
    """Say what a request asks besides; that usage is asked for is part of what is recorded, as all that is sent."""
    asks = model.stream and model.stream_usage and model.protocol in {None, "chat"}  # others count by themselves
    return {INCLUDE_USAGE: True, **model.parameters} if asks else model.parameters


def price_of(spec: RunSpec, model: ModelSpec) -> Price | None:
    """Look up what a model costs. None: the spec does not say."""
    price = spec.prices.get(model.model)
    return None if price is None else price_from(price.input, price.output, price.cached_input, price.cache_write)


def with_known_prices(spec: RunSpec) -> RunSpec:
    """Write the known prices of a spec's models into it, where somebody accepted them and none is set.

    Raises:
        ConfigRefused: An arm cannot be made from its settings.
    """
    if spec.price_table != "shipped":
        return spec
    models = [model for each in specs_of(spec) for model in each.models.values()]
    rows = [row for model in models if (row := known_price(model.provider, model.model)) is not None]
    known = {
        row.model: PriceSpec(
            input=row.input, output=row.output, cached_input=row.cached_input, cache_write=row.cache_write
        )
        for row in rows
    }
    return replace(spec, prices={**known, **spec.prices})


def nano(usd: Decimal | None) -> NanoUsd | None:
    """Turn a cap in dollars into nano-USD, rounding down."""
    return None if usd is None else int(usd * 1_000_000_000)


def _reserve(spec: RunSpec, model: ModelSpec) -> Reserve | None:
    """Say what bounds the cost of one call. None: no cap is set, so nothing is reserved."""
    if spec.budget.run_usd is None and spec.budget.trial_usd is None:
        return None
    price = price_of(spec, model)
    if price is None:
        known = known_price(model.provider, model.model)
        raise PriceUnknown(model.model, None if known is None else known.told)
    most = most_output(model)
    return Reserve(price, spec.budget.answer_tokens if most is None else most, sent=most is not None)


def most_output(model: ModelSpec) -> int | None:
    """Say how many tokens an answer of a model may have. None: nothing bounds it."""
    if model.protocol == "embeddings":
        return 0
    most = model.parameters.get("max_completion_tokens", model.parameters.get("max_tokens"))
    return most if isinstance(most, int) else None
