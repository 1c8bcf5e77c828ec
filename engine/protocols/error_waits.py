"""How long a provider asks to wait, where it says so in the body of an error."""

import re
from typing import Any, Final

_LONGEST_S: Final = 1e9
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_UNITS: Final = (
    r"(?:ms|milliseconds?|msecs?|h(?:ours?|rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)"
    r"(?![a-z])"
)
_TIME: Final = re.compile(rf"(\d{{1,9}}(?:\.\d+)?)\s*({_UNITS})?", re.IGNORECASE)
_SPAN: Final = rf"((?:\d{{1,9}}(?:\.\d+)?\s*{_UNITS}[\s,]*(?:and\s+)?)+|\d{{1,9}}(?:\.\d+)?(?![\w.]|\s+[a-z]))"
_ASKED: Final = re.compile(
    rf"(?:try(?:ing)?\s+(?:again|your\s+request)|retry(?:ing)?|retry[-_ ]after|wait(?:ing)?|resets?|available)"
    rf"[\s:=]+(?:again\s+)?(?:(?:in|after|for|at\s+least|about|another)[\s:=]+){{0,2}}{_SPAN}",
    re.IGNORECASE,
)
"""``Please try again in 6m0s``, ``retry after 20 seconds``, ``wait 450ms``; a bare number is seconds."""
_FIELDS: Final = {
    "retry_after": 1.0,
    "retry-after": 1.0,
    "retryafter": 1.0,
    "retry_after_seconds": 1.0,
    "retry_after_s": 1.0,
    "resets_in_seconds": 1.0,
    "retry_after_ms": 0.001,
    "retryafterms": 0.001,
}
"""Fields that hold a number, with the seconds of one."""


def wait_in(name: str, field: Any) -> float | None:
    """Read how long a field of an error asks to wait.

    Args:
        name: Of the field, in lower case.
        field: What it holds.

    Returns:
        Seconds, 0 or more; None when it does not ask, or not in a way that can be read.
    """
    if isinstance(field, bool):
        return None
    match name, field:
        case _, int() | float() if name in _FIELDS:
            found: float | None = field * _FIELDS[name]
        case _, str() if name in _FIELDS:
            found = _sum(field)
            found = found * _FIELDS[name] if found is not None and field.strip().isdigit() else found
        case "retrydelay", str():  # google.rpc.RetryInfo
            found = _sum(field)
        case "retrydelay", {"seconds": int() | float() as seconds}:
            found = seconds
        case "message", str():
            found = max((_sum(each[1]) or 0.0 for each in _ASKED.finditer(field)), default=None)
        case _:
            found = None
    return None if found is None or not 0 <= found < _LONGEST_S else float(found)


def _sum(text: str) -> float | None:
    """Add up the parts of a time, such as ``1h 2m3.5s``. None: there are none."""
    parts = _TIME.findall(text)
    return sum(float(number) * _SECONDS[_unit(unit.lower())] for number, unit in parts) if parts else None


def _unit(written: str) -> str:
    if written.startswith(("ms", "milli")):
        return "ms"
    return written[:1] or "s"
