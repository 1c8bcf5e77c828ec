"""What calls cost, in whole nano-USD.

Money is added up over thousands of calls in whatever order they end, so it is integers all the way: prices are
nano-USD per million tokens (exact to a billionth of a dollar per million), a cost is rounded up to the next
nano-USD once, per call. No price counts that nobody set or accepted (`known_prices`): prices change, and a wrong one is
worse than none.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Final, Protocol

from msgspec import Struct

from events.errors import ExitCode, StillroomError

NANO = 10**9
"""Nano-USD in one US dollar."""

MOST_TIMES = 10
"""How many times what its tokens cost, and a dollar, a call may cost by the provider's own word."""

MILLION = 10**6
"""Prices are quoted per so many tokens."""

DEAREST = 10**9
"""US dollars per million tokens that no price reaches; above it is a mistake."""

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
"""A name that stands in a key without quotes."""

FRAME_BYTES = 4096
"""Room for what a provider wraps around the messages it is sent: role markers, a preamble for tools."""


class PriceError(StillroomError):
    """The prices in the configuration cannot be used."""

    exit_code = ExitCode.USAGE


class PriceUnknown(PriceError):
    """A cost is asked for, and the model has no price."""

    def __init__(self, model: str, known: str | None = None) -> None:
        """Say so.

        Args:
            model: Its name.
            known: The price that the shipped table has for it, told to a person. None: it has none.
        """
        accept = "" if known is None else f"; or accept the known price with --prices shipped ({known})"
        key = f"prices.{model}" if _BARE.fullmatch(model) else f'prices."{model}"'
        super().__init__(
            f"no price is set for the model {model!r}",
            remedy=f"a budget needs prices in USD per million tokens: set {key}.input and {key}.output, such as "
            f"--set '{key}.input=0.25'; the name must match exactly{accept}",
        )
        self.model = model


class PriceInvalid(PriceError):
    """A price is not an amount of money."""

    def __init__(self, value: object, reason: str) -> None:
        super().__init__(
            f"the price {value!r} {reason}",
            remedy='write US dollars per million tokens as a string, such as "2.50", with at most 9 decimals',
        )
        self.value = value


class Price(Struct, frozen=True, kw_only=True):
    """What a model costs, in nano-USD per million tokens, each 0 or more."""

    input_per_million: int
    output_per_million: int
    cached_per_million: int
    """For input read from the provider's cache."""
    cache_write_per_million: int
    """For input that the provider put into its cache."""


class Counted(Protocol):
    """Tokens as a provider counted them, such as ``Usage``."""

    @property
    def input_tokens(self) -> int | None:
        """Everything read, cached or not."""

    @property
    def output_tokens(self) -> int | None:
        """Everything written, shown or not."""

    @property
    def cached_input_tokens(self) -> int | None:
        """Part of the input."""

    @property
    def cache_write_tokens(self) -> int | None:
        """Another part of the input."""


Amount = str | int | Decimal
"""US dollars, exactly. Never a float: 0.1 is not a tenth."""


def price_from(
    input_usd: Amount, output_usd: Amount, cached_usd: Amount | None = None, cache_write_usd: Amount | None = None
) -> Price:
    """Read a price in US dollars per million tokens.

    Args:
        input_usd: For tokens sent.
        output_usd: For tokens answered, reasoning included.
        cached_usd: For tokens read from the provider's cache; None charges them as any other input.
        cache_write_usd: For tokens put into it; None charges them as any other input.

    Raises:
        PriceInvalid: An amount is not a number, below 0, or finer than a nano-USD per million tokens.
    """
    full = _nano(input_usd)
    return Price(
        input_per_million=full,
        output_per_million=_nano(output_usd),
        cached_per_million=full if cached_usd is None else _nano(cached_usd),
        cache_write_per_million=full if cache_write_usd is None else _nano(cache_write_usd),
    )


def cost_of(usage: Counted, price: Price) -> int | None:
    """Say what a call cost by its tokens, in nano-USD.

    Args:
        usage: The tokens, as the provider counted them.
        price: What the model costs.

    Returns:
        Nano-USD, rounded up; None when the provider did not say both counts.
    """
    read, written = usage.input_tokens, usage.output_tokens
    if read is None or written is None:
        return None
    # More cached than read is nonsense; a doubtful discount is not given.
    cached, kept = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    cached, kept = (cached, kept) if cached + kept <= read else (0, 0)
    return _per_million(
        (read - cached - kept) * price.input_per_million
        + cached * price.cached_per_million
        + kept * price.cache_write_per_million
        + written * price.output_per_million
    )


def credible(stated: int, counted: int | None) -> bool:
    """Say whether a provider's own figure can be what a call cost, tools and pictures included.

    Args:
        stated: Nano-USD, as the provider says.
        counted: Nano-USD that its tokens cost by the configured price; None when that is not known.
    """
    return counted is None or stated <= MOST_TIMES * counted + NANO


def reported_cost(cost_usd: Decimal) -> int:
    """Turn a provider's own figure into nano-USD, rounded up."""
    numerator, denominator = cost_usd.as_integer_ratio()
    return -(-numerator * NANO // denominator)


def upper_bound(request_bytes: int, max_output_tokens: int, price: Price) -> int:
    """Bound what a call can cost before it is sent, in nano-USD.

    A tokenizer makes at most one token of each byte, and the punctuation of a message's JSON pays for the
    markers a chat template puts around it. ``FRAME_BYTES`` is for what is added once per request. An
    image counts as `engine.effects.conversation.Image.size` says; one given by its address would cost more than that
    has bytes.

    Args:
        request_bytes: Length of the request body, 0 or more.
        max_output_tokens: The most the answer may have, reasoning included; what ``max_tokens`` asks for.
        price: What the model costs.
    """
    dearest = max(price.input_per_million, price.cached_per_million, price.cache_write_per_million)
    return _per_million((request_bytes + FRAME_BYTES) * dearest + max_output_tokens * price.output_per_million)


def _per_million(amount: int) -> int:
    """Divide by a million, rounding up, so that a sum of costs is never too low."""
    return -(-amount // MILLION)


def _nano(usd: Amount) -> int:
    """Read US dollars exactly."""
    if isinstance(usd, float | bool):
        raise PriceInvalid(usd, "is not exact")
    try:
        amount = Decimal(usd)
        sensible = 0 <= amount <= DEAREST  # raises for NaN, and keeps 1e999999 from being multiplied out
    except InvalidOperation as error:
        raise PriceInvalid(usd, "is not a number") from error
    if not sensible:
        raise PriceInvalid(usd, "is not an amount of money")
    numerator, denominator = amount.as_integer_ratio()
    nano, rest = divmod(numerator * NANO, denominator)
    if rest:
        raise PriceInvalid(usd, "is finer than a billionth of a dollar")
    return nano
