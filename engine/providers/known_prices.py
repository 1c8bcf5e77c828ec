"""Prices that are known, each with its source and the day on which it was read there. None is used unasked.

A price that is wrong is worse than none, so a run counts by these only if somebody accepts them; else they stand in the
remedy of a price that lacks. There is no row for what one price cannot say, such as a model that costs more beyond a
length of its prompt, nor for what was found in no source.
"""

import datetime as dt
import tomllib
from decimal import Decimal
from functools import cache
from importlib.resources import files

import msgspec


class KnownPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a model costs, in US dollars per million tokens, as a source says.

    Attributes:
        provider: As `ModelSpec.provider` has it.
        model: As the provider expects it in requests.
        input: For tokens sent.
        output: For tokens answered.
        cached_input: For tokens read from the provider's cache. None: the source does not say; they count as others.
        cache_write: For tokens put into it; the highest, if there are several. None: as `cached_input`.
        source: An address, or the name of a document.
        seen: The day on which it was read there.
    """

    provider: str
    model: str
    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    source: str
    seen: dt.date

    @property
    def told(self) -> str:
        """Say it to a person."""
        return f"{self.input} for input and {self.output} for output, by {self.source}, read on {self.seen}"


@cache
def known_prices() -> tuple[KnownPrice, ...]:
    """Read the table that comes with the package."""
    text = (files("engine.providers") / "known_prices.toml").read_text(encoding="utf-8")
    return tuple(msgspec.convert(tomllib.loads(text)["price"], list[KnownPrice]))


def known_price(provider: str | None, model: str) -> KnownPrice | None:
    """Find the price of a provider's model. None: there is no row; an address without a provider has none."""
    return next((each for each in known_prices() if (each.provider, each.model) == (provider, model)), None)
