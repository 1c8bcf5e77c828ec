"""Values of a compose file: variables filled in, and several spellings of lists, tables, times and sizes. Pure."""

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sandbox.harbor.compose.keys import ComposeKey

MAIN: Final = "main"
"""Name of the service that is the task's own container."""
LOGS: Final = "/harbor/"
"""Begins what stands for Harbor's log folders on the host."""
_VARIABLE: Final = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-?+])(?P<text>[^}]*))?\})"
)
_OPEN, _CLOSE = "⟦no value: ", "⟧"
"""Around the name of a variable without a value."""
_MISSING: Final = re.compile(f"{_OPEN}(\\w+){_CLOSE}")
_TIME: Final = re.compile(r"(\d{1,15}(?:\.\d+)?)(ns|us|ms|s|m|h)")
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d+)?)\s*([kmg]?)i?b?", re.IGNORECASE)
_BYTES: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


_NOTHING: Final[tuple[Any, ...]] = ("", False, [], {})
"""Values that ask for nothing."""
_HARMLESS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({
    "cgroup": ("private",), "ipc": ("private",), "isolation": ("default",), "runtime": ("runc",),
})  # fmt: skip
"""Values of keys that are refused which ask for what is so anyway."""


class ComposeProblems:
    """What was met that is not understood, and what is left out."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.dropped: list[str] = []

    def add(self, what: str) -> None:
        """Refuse something by its place in the file."""
        self.refused.append(what)

    def leave(self, what: str, why: str) -> None:
        """Leave something out, by its place in the file."""
        self.dropped.append(f"{what} left out, because {why}")


def understood(
    table: Mapping[str, Any], keys: Mapping[str, ComposeKey], place: str, complaint: ComposeProblems
) -> dict[str, Any]:
    """Give the keys of a table that are applied; leave out and refuse the others, each by name.

    A key without a value says nothing, nor does an extension (``x-…``).

    Args:
        table: As it stands in the file.
        keys: What becomes of each.
        place: Where it stands. Empty: it is the file.
        complaint: Told of the others.
    """
    applied: dict[str, Any] = {}
    for name, value in table.items():
        key, where = keys.get(name), f"{place}.{name}" if place else name
        if name.startswith("x-") or value is None or (value in _NOTHING and (key is None or key.how != "applied")):
            continue
        if key is None:
            complaint.add(f"{where} (unknown key)")
        elif key.how == "applied":
            applied[name] = value
        elif key.how == "left out":
            complaint.leave(where, key.why)
        elif value not in _HARMLESS.get(name, ()):
            complaint.add(f"{where} ({key.why})")
    return applied


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """Fill in the variables of every text in a parsed file, as Compose does.

    One without a value or a default stays recognisable (`missing_in`), where Compose would put nothing.
    """
    match value:
        case str():
            return _VARIABLE.sub(lambda match: _value(match, variables), value)
        case dict():
            return {key: filled(each, variables) for key, each in value.items()}
        case list():
            return [filled(each, variables) for each in value]
        case _:
            return value


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match["escaped"]:
        return "$"
    name, how, text = match["plain"] or match["name"], match["how"] or "", match["text"] or ""
    found = variables.get(name)
    there = bool(found) if how.startswith(":") else found is not None
    if how.endswith("+"):
        return text if there else ""
    if there:
        return found or ""
    return text if how.endswith("-") else f"{_OPEN}{name}{_CLOSE}"


def named(raw: Any) -> Any:
    """Have each variable of a service that stands without a value ask for it: ``NAME`` is ``NAME=${NAME}``."""
    services = raw.get("services") if isinstance(raw, dict) else None
    if not isinstance(services, dict):
        return raw
    return {**raw, "services": {name: _asking(each) for name, each in services.items()}}


def _asking(service: Any) -> Any:
    wanted = service.get("environment") if isinstance(service, dict) else None
    if isinstance(wanted, list):
        lines = [each if "=" in str(each) else f"{each}=${{{each}}}" for each in wanted]
        return {**service, "environment": lines}
    if isinstance(wanted, dict):
        table = {name: f"${{{name}}}" if each is None else each for name, each in wanted.items()}
        return {**service, "environment": table}
    return service


def missing_in(value: Any) -> list[str]:
    """Names of variables without a value in anything that was read."""
    return sorted(set(_MISSING.findall(str(value))))


def table_of(value: Any, place: str, complaint: ComposeProblems) -> dict[str, Any]:
    """Read a table, or refuse what stands in its place."""
    if isinstance(value, dict):
        return {str(key): each for key, each in value.items()}
    complaint.add(f"{place} (expected a table)")
    return {}


def list_of(value: Any, place: str, complaint: ComposeProblems) -> list[Any]:
    """Read a list, or refuse what stands in its place."""
    if isinstance(value, list):
        return value
    complaint.add(f"{place} (expected a list)")
    return []


def pairs_of(value: Any, place: str, complaint: ComposeProblems) -> dict[str, str]:
    """Read names with values, a table or ``NAME=value`` lines. A name alone asks for what the host has: see `named`."""
    if isinstance(value, list):
        split = [str(each).partition("=") for each in value]
        table: dict[str, Any] = {name: text if sign else None for name, sign, text in split}
    else:
        table = table_of(value, place, complaint)
    for name, each in table.items():
        if each is None:
            complaint.leave(f"{place}.{name}", "it has no value")
    return {name: _plain(each) for name, each in table.items() if each is not None}


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def seconds_of(value: Any, place: str, complaint: ComposeProblems) -> int:
    """Read a time such as ``1m30s``, in nanoseconds; 0 where nothing is written."""
    parts = _TIME.findall(str(value or ""))
    if value and "".join(number + unit for number, unit in parts) != str(value):
        complaint.add(f"{place}: {value}")
    return int(sum(float(number) * _SECONDS[unit] for number, unit in parts) * 1e9)


def bytes_of(value: Any, place: str, complaint: ComposeProblems) -> int:
    """Read a size such as ``512m``."""
    match = _SIZE.fullmatch(str(value))
    if match is None:
        complaint.add(f"{place}: {value}")
        return 0
    return int(float(match[1]) * _BYTES[match[2].lower()])


def number_of(value: Any, place: str, complaint: ComposeProblems) -> float | None:
    """Read a number, also one in quotes. None: nothing is written, or no number."""
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        complaint.add(f"{place}: {value}")
        return None
    return number


def strings_of(value: Any, place: str, complaint: ComposeProblems) -> list[str]:
    """Read one text or several."""
    return [str(each) for each in ([value] if isinstance(value, str | int) else list_of(value, place, complaint))]
