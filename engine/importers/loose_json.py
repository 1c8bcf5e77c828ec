"""JSON that others wrote, read as far as it goes: what is no value counts as missing, and each such thing is named."""

import json
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from math import isfinite
from typing import Any, Final, TypeVar

import msgspec

LARGEST: Final = 2**53 - 1
"""Whole numbers beyond it are damage: JSON readers do not agree on them."""
_MOST_DROPPED: Final = 64
"""Fields of one document that may have another type than they should before it counts as none of its kind."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_Read = TypeVar("_Read")


class JsonUnreadable(Exception):
    """Raised when bytes are no JSON object, or none of the kind that is looked for; its text says why."""


def read_json(data: bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Read an object, and name what of it counts as missing.

    Raises:
        JsonUnreadable: It is none.
    """
    value, doubts = _read_any(data)
    if not isinstance(value, dict):
        raise JsonUnreadable("is no JSON object")
    return value, doubts


def read_json_list(data: bytes) -> tuple[list[Any], tuple[str, ...]]:
    """Read a list, and name what of it counts as missing.

    Raises:
        JsonUnreadable: It is none.
    """
    value, doubts = _read_any(data)
    if not isinstance(value, list):
        raise JsonUnreadable("is no JSON list")
    return value, doubts


def _read_any(data: bytes) -> tuple[Any, tuple[str, ...]]:
    doubts: dict[str, None] = {}
    text = _text(data, doubts)
    try:
        value = json.loads(text, parse_constant=float, object_pairs_hook=lambda pairs: _once(pairs, doubts))
        value = _plain(value, doubts)
    except json.JSONDecodeError as error:
        what = "is empty" if not text.strip() else f"is no whole JSON: {error.msg} in line {error.lineno}"
        raise JsonUnreadable(what) from error
    except (ValueError, RecursionError) as error:
        what = "is nested too deeply" if isinstance(error, RecursionError) else "holds a number of too many digits"
        raise JsonUnreadable(what) from error
    return value, tuple(doubts)


def is_utf16(data: bytes) -> bool:
    """Say whether bytes are a text in two-byte units, by their mark."""
    return data.startswith((BOM_UTF16_LE, BOM_UTF16_BE))


def converted(value: dict[str, Any], kind: type[_Read]) -> tuple[_Read, tuple[str, ...]]:
    """Read an object as a struct. A field of another type than it should have counts as missing, and is named.

    Raises:
        JsonUnreadable: It lacks what the struct cannot do without.
    """
    doubts: list[str] = []
    for _ in range(_MOST_DROPPED):
        try:
            return msgspec.convert(value, kind), tuple(doubts)
        except msgspec.ValidationError as error:
            problem, _, where = str(error).partition(" - at ")
            path = where.strip("`").partition("[...]")[0]
            if not _drop(value, path):
                raise JsonUnreadable(f"{problem[:1].lower()}{problem[1:]}") from error
            doubts.append(f"{path.removeprefix('$.')}: {problem}; it counts as missing")
    raise JsonUnreadable(f"more than {_MOST_DROPPED} fields have another type than they should")


def _text(data: bytes, doubts: dict[str, None]) -> str:
    if is_utf16(data):
        raise JsonUnreadable("is UTF-16, not UTF-8")  # keys in it would not be found, and could not be replaced
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        doubts[f"no UTF-8 at byte {error.start}: U+FFFD stands for what could not be read"] = None
        return data.decode("utf-8-sig", "replace")


def _drop(value: Any, path: str) -> bool:
    """Take what a path leads to out; of a list, the item. False: it leads nowhere, or to all there is."""
    steps = [key or int(index) for key, index in _STEP.findall(path.removeprefix("$"))]
    if not steps:
        return False
    for step in steps[:-1]:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return False
    try:
        del value[steps[-1]]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _plain(value: Any, doubts: dict[str, None]) -> Any:
    """Put None for numbers that are none, and U+FFFD for lone surrogates."""
    match value:
        case str() if _SURROGATE.search(value):
            doubts["lone surrogates: U+FFFD stands for each of them"] = None
            return _SURROGATE.sub("\ufffd", value)
        case dict():
            return {_plain(key, doubts): _plain(each, doubts) for key, each in value.items()}
        case list():
            return [_plain(each, doubts) for each in value]
        case int() | float() if not isinstance(value, bool):
            return _number(value, doubts)
        case _:
            return value


def _number(value: float, doubts: dict[str, None]) -> float | None:
    """Give a number, a whole one as such: a writer's way with a count. None: it is none that readers agree on."""
    if abs(value) <= LARGEST:
        return int(value) if int(value) == value else value
    if not isinstance(value, float):
        doubts["whole numbers beyond 2^53: they count as missing"] = None
        return None
    if isfinite(value):
        return value
    doubts["numbers that are not finite (NaN, Infinity): they count as missing"] = None
    return None


def _once(pairs: list[tuple[str, Any]], doubts: dict[str, None]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        doubts["a key stands twice in one object: the last one counts"] = None
    return fields
