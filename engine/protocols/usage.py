"""What a provider says that an answer used, in whichever place and shape it says so.

A count is a whole number from 0 to `MOST_TOKENS`, also written as ``7.0`` or ``"7"``. Anything else was not said, and
drops only itself. What is said twice counts once: a later count takes the place of an earlier one, unless it is 0.
"""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from msgspec import Struct

MOST_TOKENS: Final = 10**9
"""Tokens that no single call reads or writes; a higher figure is no count."""
MOST_USD: Final = 1000
"""US dollars that no single call costs; a higher figure is not believed."""
BASE_USD: Final = 1
USD_PER_TOKEN: Final = Decimal("0.01")
"""What a call may cost by the provider's own word where it counts tokens: a dollar, for tools and pictures, and a cent
a token, more than ten times what the dearest models ask."""
_FINEST: Final = -30
"""Decimal places beyond which a cost is nonsense: as whole nano-USD, 1e-99999999 would take gigabytes."""
_DIGITS: Final = 24
"""Characters of a number that is written as a text."""


class ReportedUsage(Struct, frozen=True, kw_only=True):
    """Tokens as the provider counted them, each from 0 to `MOST_TOKENS`; None means that it did not say.

    ``cached_input_tokens`` (read from the provider's cache) and ``cache_write_tokens`` (put into it) are parts of
    ``input_tokens``, ``reasoning_tokens`` part of ``output_tokens``.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


NOT_SAID: Final = ReportedUsage()


class Stated(NamedTuple):
    """What an answer says of itself, whether it can be used or not."""

    usage: ReportedUsage = NOT_SAID
    cost_usd: Decimal | None = None
    """What the provider says the call cost. None: it did not say, or not in a way that can be believed."""


def count_of(value: Any) -> int | None:
    """Read a count. None: it is none."""
    match value:
        case bool():
            return None
        case int():
            return value if 0 <= value <= MOST_TOKENS else None
        case str() if len(value) <= _DIGITS:
            return _whole(value)
        case Decimal():
            return _whole(value)
        case _:
            return None


def first_count(*values: Any) -> int | None:
    """Take the first of some values that is a count above 0, else one that is 0. None: none is a count."""
    found: int | None = None
    for value in values:
        count = None if value is None else count_of(value)
        if count:
            return count
        found = found if count is None else count
    return found


def later(before: int | None, now: int | None) -> int | None:
    """Say which of two counts stands: the later one, unless it is 0 or was not said."""
    return now or (now if before is None else before)


def merged(before: ReportedUsage, now: ReportedUsage) -> ReportedUsage:
    """Put what was said later over what was said before, count by count."""
    if before is NOT_SAID:
        return now
    return ReportedUsage(
        input_tokens=later(before.input_tokens, now.input_tokens),
        output_tokens=later(before.output_tokens, now.output_tokens),
        cached_input_tokens=later(before.cached_input_tokens, now.cached_input_tokens),
        cache_write_tokens=later(before.cache_write_tokens, now.cache_write_tokens),
        reasoning_tokens=later(before.reasoning_tokens, now.reasoning_tokens),
    )


def together(*counts: int | None) -> int | None:
    """Add counts, those that were said. None: none was."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def cost_in(said: Iterable[Any], usage: ReportedUsage) -> Decimal | None:
    """Read the provider's own figure, the last that is more than 0, exactly as it is written.

    Args:
        said: Whatever stands where a cost may stand, in the order it came.
        usage: What the answer used. A cost that it cannot have is not believed; it stays in the bytes.

    Returns:
        US dollars, from 0 to `MOST_USD`; None when nothing was said that can be believed.
    """
    cost: Decimal | None = None
    for each in said:
        now, dearest = _usd(each), _dearest(usage)
        if now is not None and now <= dearest and (cost is None or now != 0):
            cost = now
    return cost


def _dearest(usage: ReportedUsage) -> Decimal:
    counted = together(usage.input_tokens, usage.output_tokens)
    return Decimal(MOST_USD) if counted is None else min(Decimal(MOST_USD), BASE_USD + counted * USD_PER_TOKEN)


def _usd(value: Any) -> Decimal | None:
    match value:
        case bool():
            return None
        case str() if len(value) > _DIGITS:
            return None
        case str() | int() | Decimal():
            pass
        case _:
            return None
    try:
        cost = Decimal(value)  # which passes over blanks
    except InvalidOperation:
        return None
    if not cost.is_finite() or cost < 0:
        return None
    return cost if cost == 0 or _FINEST < cost.adjusted() < -_FINEST else None


def _whole(value: str | Decimal) -> int | None:
    try:
        number = Decimal(value)
        sensible = 0 <= number <= MOST_TOKENS  # raises for NaN, and keeps 1e999999 from being multiplied out
        return int(number) if sensible and number == int(number) else None
    except InvalidOperation:
        return None
