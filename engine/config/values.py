"""Values of configuration keys: whether one fits its key, how it is written as text, and the words for its kind."""

import math
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec import inspect

NONE: Final = "none"
"""TOML has no null: this word stands for "no limit", "no key" wherever a key admits it."""

_SMALLEST: Final[Mapping[str, int]] = {
    "models.<role>.retry_timeout_s": 60,
    "prices.<model>.input": 0,
    "prices.<model>.output": 0,
    "prices.<model>.cached_input": 0,
    "prices.<model>.cache_write": 0,
    "budget.run_usd": 0,
    "budget.trial_usd": 0,
    "agent.max_cost_usd": 0,
    "shuffle": 0,
    "evaluate.items.shuffle": 0,
    "evaluate.sets.<set>.shuffle": 0,
}
"""Numbers with a smallest value. All others are above zero, but for those below."""
_RANGES: Final[Mapping[str, tuple[str, str]]] = {
    **{
        f"method.pdi.{monitor}.{name}": limits
        for monitor in ("active", "shadows.<name>")
        for name, limits in {
            "exec_weight": ("0", "1000"),
            "plan_weight": ("0", "1000"),
            "oss_weight": ("0", "1000"),
            "facts_share": ("0", "1"),
            "alpha": ("0.000001", "1000"),
            "tolerance": ("0", "1000"),
        }.items()
    },
    **{
        f"method.evidence.{block}": ("0", "1000000")
        for block in ("task_pattern", "execution_chain", "verification", "lessons", "environment", "raw_tail")
    },
    "evaluate.floor": ("0", "1"),
    "models.<role>.retry_wait_initial_s": ("0", "86400"),
    "models.<role>.retry_wait_max_s": ("0", "86400"),
}
"""Numbers between two others, both included. Beyond them a logarithm or a sum is infinite, or a wait has no end."""
MOST_REPEATS: Final = 10_000
"""How often something is done again at most. More would fill the memory with plans."""
_REPEATED: Final = frozenset({"repeats", "verifier_repeats"})
"""Last parts of keys that say how often."""
_LARGEST: Final = 2**63 - 1
"""Largest whole number that a log holds."""
_FREE: Final = (".threshold", ".warmup", ".<parameter>")
"""Numbers of any sign, by the end of their key."""
_NAMED: Final = frozenset({"tasks", "models.<role>.model", "models.<role>.base_url"})
"""Texts that have to say something."""


class Misfit(Exception):
    """A value does not fit its key. Never leaves this layer: the reader turns it into a complaint."""


def fit(value: object, kind: inspect.Type) -> object:
    """Give the value as the spec holds it.

    Raises:
        Misfit: It is of another kind.
    """
    match kind:
        case inspect.UnionType(types=types):
            return _fit_any(value, types)
        case inspect.VarTupleType(item_type=item) if isinstance(value, list | tuple):
            return tuple(fit(each, item) for each in value)
        case inspect.LiteralType(values=values) if value in values and isinstance(value, str):
            return value
        case inspect.StrType() if isinstance(value, str):
            return value
        case inspect.BoolType() if isinstance(value, bool):
            return value
        case inspect.IntType() | inspect.FloatType() | inspect.DecimalType():
            return _fit_number(value, kind)
        case _:
            raise Misfit


def _fit_any(value: object, kinds: tuple[inspect.Type, ...]) -> object:
    if any(isinstance(kind, inspect.NoneType) for kind in kinds) and (value is None or value == NONE):
        return None
    # A whole number stays one although it would fit a float: 1 and 1.0 are not the same bytes in a request.
    for kind in sorted(kinds, key=lambda kind: isinstance(kind, inspect.FloatType)):
        try:
            return fit(value, kind)
        except Misfit:
            continue
    raise Misfit


def _fit_number(value: object, kind: inspect.Type) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        raise Misfit
    match kind:
        case inspect.IntType() if isinstance(value, int):
            return value
        case inspect.FloatType():
            return float(value)
        case inspect.DecimalType():
            # By way of its shortest text: 0.1 in a YAML file means a tenth, not the nearest binary fraction.
            return value if isinstance(value, Decimal) else Decimal(str(value))
        case _:
            raise Misfit


def out_of_range(key: str, value: object) -> str | None:
    """Say which numbers or texts the key takes, if this is none of them.

    Args:
        key: Its pattern, such as ``prices.<model>.input``.
        value: One that fits its kind.
    """
    if isinstance(value, str):
        return "a text that is not empty" if key in _NAMED and not value.strip() else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return _too_large(key, value) or _too_small(key, value)


def _too_small(key: str, value: float | Decimal) -> str | None:
    if key.endswith(_FREE):
        return None
    if key in _RANGES:
        least, most = _RANGES[key]
        return None if float(least) <= value <= float(most) else f"a number from {least} to {most}"
    if key in _SMALLEST:
        return None if value >= _SMALLEST[key] else f"{_SMALLEST[key]} or more"
    if value > 0:
        return None
    return "1 or more" if isinstance(value, int) else "a number above 0"


def _too_large(key: str, value: float | Decimal) -> str | None:
    most = MOST_REPEATS if key.rpartition(".")[2] in _REPEATED else _LARGEST
    if not isinstance(value, int) or -_LARGEST <= value <= most:
        return None
    return f"a number up to {most:,}"


def parse(text: str, kind: inspect.Type) -> object:
    """Read a value from a variable or a ``--set``: text where the key holds text, else as TOML writes it.

    What cannot be read is given back as it is, so that `fit` names it.
    """
    match kind:
        case inspect.StrType() | inspect.LiteralType():
            return text
        case inspect.VarTupleType() if not text.lstrip().startswith("["):
            return [part.strip() for part in text.split(",") if part.strip()]
        case inspect.UnionType(types=types) if text == NONE or _is_optional_text(types):
            return text
        case _:
            return _parse_toml(text)


def _is_optional_text(kinds: tuple[inspect.Type, ...]) -> bool:
    return all(isinstance(kind, inspect.StrType | inspect.NoneType | inspect.LiteralType) for kind in kinds)


def _parse_toml(text: str) -> object:
    if "\n" in text:  # a line break could smuggle in a second key
        return text
    try:
        return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except (ValueError, RecursionError):
        return text


def words(kind: inspect.Type) -> str:
    """Name a kind of value for people."""
    match kind:
        case inspect.UnionType(types=types):
            named = [words(each) for each in types if not isinstance(each, inspect.NoneType)]
            optional = len(named) < len(types)
            return (
                ", ".join(named[:-1])
                + (" or " if named[1:] else "")
                + named[-1]
                + (f', or "{NONE}"' if optional else "")
            )
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(f'"{each}"' for each in values)
        case inspect.VarTupleType(item_type=inspect.UnionType() as item):
            return f"a list, each {words(item)}"
        case inspect.VarTupleType(item_type=item):
            return f"a list of {words(item)}s".replace("a text", "text")
        case inspect.StructType() | inspect.DictType():
            return "a table"
        case _:
            return _PLAIN.get(type(kind), "a value")


_PLAIN: Final[Mapping[type[inspect.Type], str]] = {
    inspect.StrType: "a text",
    inspect.BoolType: "true or false",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.DecimalType: "an amount",
}


def found(value: object) -> str:
    """Name what was found instead."""
    match value:
        case str():
            return f'the text "{value}"'
        case bool():
            return str(value).lower()
        case None:
            return "nothing"
        case dict():
            return "a table"
        case list() | tuple():
            return "a list"
        case _:
            return f"{value} ({type(value).__name__})"
