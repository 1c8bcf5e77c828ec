"""Recorded values as people read them: amounts in dollars, times with their date, no notation of a language."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

_MONEY: Final = frozenset({"cost", "amount", "bound"})
"""Fields of events and inputs that are amounts in units of 10^-9 US dollars; so is whatever ends in ``nano_usd``."""


def dollars(nano: int) -> str:
    """Write an amount given in units of 10^-9 US dollars, to its last digit."""
    sign, whole = "-" if nano < 0 else "", abs(nano)
    cents = f"{whole % 10**9:09}".rstrip("0").ljust(2, "0")
    return f"{sign}${whole // 10**9:,}.{cents}"


def is_amount(name: str) -> bool:
    """Say whether a field of this name holds an amount in units of 10^-9 US dollars."""
    return name in _MONEY or name.endswith("nano_usd")


def is_time(name: str) -> bool:
    """Say whether a field of this name holds a time in microseconds since 1970, UTC."""
    return name.endswith("_at")


def plain_name(name: str) -> str:
    """Name a field without a unit that its value no longer has."""
    return name.removesuffix("_nano_usd")


def plain(name: str, value: Any) -> str:
    """Write a value of JSON.

    Args:
        name: Of its field.
        value: As `msgspec.to_builtins` gives it.
    """
    match value:
        case Mapping():
            return _record(value)
        case str():
            return plain_name(value)  # of rows that name their own fields
        case [str() as stream, int() as version] if "/" in stream or stream in {"run", "train", "session"}:
            return f"{stream}@{version}"
        case Sequence():
            return ", ".join(plain(name, each) for each in value) or "none"
        case _:
            return _single(name, value)


def _record(value: Mapping[str, Any]) -> str:
    if not value:
        return "none"
    if value.keys() == {"numerator", "denominator"}:
        return f"{value['numerator']}/{value['denominator']}"
    return f"({', '.join(f'{plain_name(key)} {plain(key, each)}' for key, each in value.items())})"


def _single(name: str, value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int() if is_amount(name):
            return dollars(value)
        case int() if is_time(name):
            return f"{datetime.fromtimestamp(value // 10**6, UTC):%Y-%m-%d %H:%M:%S} UTC"
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)
