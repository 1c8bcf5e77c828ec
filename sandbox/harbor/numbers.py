"""Numbers of ``task.toml`` as Harbor 0.24 reads them: ``2.0``, ``"2"`` and ``true`` are numbers too. Pure.

Each rule was seen there: a fraction is no whole number, a text may have spaces around it, ``true`` is 1. Harbor's own
parser (pydantic) does this for any key; so it goes by the schema and not by names.
"""

import re
from typing import Any, Final, get_args

from msgspec import Struct, structs

_WHOLE: Final = re.compile(r"[+-]?[0-9]+(?:_[0-9]+)*(?:\.0*)?", re.ASCII)
_MOST: Final = 2**63
_LONGEST: Final = 100
"""Letters of a number in quotes; Python refuses to read some thousands of digits."""
"""Numbers are below it."""


def with_numbers(value: Any, kind: Any) -> Any:
    """Give a value of a parsed file with the numbers that are written otherwise; all else is as it was.

    Args:
        value: A table, a list or a single value.
        kind: Type that the schema has for it.
    """
    if isinstance(value, dict):
        return _table(value, kind)
    if isinstance(value, list):
        return [with_numbers(each, _element(kind)) for each in value]
    if isinstance(value, bool | float | str):
        return _number(value, {kind, *get_args(kind)})
    return value


def _table(value: dict[str, Any], kind: Any) -> dict[str, Any]:
    struct = next((each for each in (kind, *get_args(kind)) if _is_struct(each)), None)
    if struct is not None:
        kinds = {each.encode_name: each.type for each in structs.fields(struct)}
        return {key: with_numbers(each, kinds.get(key)) for key, each in value.items()}
    table = next((each for each in (kind, *get_args(kind)) if getattr(each, "__origin__", None) is dict), None)
    inner = get_args(table)[1] if table is not None else None
    return {key: with_numbers(each, inner) for key, each in value.items()}


def _element(kind: Any) -> Any:
    found = next((each for each in (kind, *get_args(kind)) if getattr(each, "__origin__", None) is tuple), None)
    return get_args(found)[0] if found is not None else None


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _number(value: Any, kinds: set[Any]) -> Any:
    """Read a single value as the number that the schema wants; one that is none stays, and is refused later."""
    if isinstance(value, str) and str in kinds:
        return value
    if int in kinds:
        return _whole(value)
    return _fraction(value) if float in kinds else value


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        digits = value.strip()
        return int(digits.partition(".")[0]) if len(digits) < _LONGEST and _WHOLE.fullmatch(digits) else value
    return int(value) if value == value // 1 and abs(value) < _MOST else value


def _fraction(value: Any) -> Any:
    try:
        return float(value)
    except ValueError:
        return value
