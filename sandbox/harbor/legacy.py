"""Bring older spellings of ``task.toml`` to the present ones. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sandbox.harbor.numbers import with_numbers

_SIZE: Final = re.compile(r"\s*(\d{1,15}(?:\.\d*)?|\.\d+)\s*([KMG])\s*", re.ASCII | re.IGNORECASE)
_MIB: Final = {"K": 1 / 1024, "M": 1.0, "G": 1024.0}
_TRUE: Final = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE: Final = frozenset({"0", "off", "f", "false", "n", "no"})


class BadSpelling(Exception):
    """Raised when an old key holds what it never could.

    Attributes:
        key: Dotted key.
    """

    def __init__(self, key: str, detail: str) -> None:
        super().__init__(detail)
        self.key = key


class Modern(NamedTuple):
    """Settings in the words of schema 1.4."""

    raw: dict[str, Any]
    passed_over: tuple[str, ...]
    """What Harbor passes over without a word, and so do we, saying so."""


def modernise(raw: Mapping[str, Any]) -> Modern:
    """The same settings in the words of schema 1.4; nothing else is changed or dropped.

    Raises:
        BadSpelling: A legacy key's value cannot be understood, or contradicts the present key.
    """
    top, passed_over = dict(raw), list[str]()
    _rename(top, "version", "schema_version")
    # It was accepted and dropped by Harbor itself when the strategy was introduced.
    top.pop("multi_step_reward_mode", None)
    if isinstance(top.get("environment"), dict):
        top["environment"] = _environment(top["environment"], "environment", passed_over)
    if isinstance(top.get("verifier"), dict):
        top["verifier"] = _verifier(top["verifier"], "verifier", passed_over)
    if "artifacts" in top:
        top["artifacts"] = _artifacts(top["artifacts"])
    if isinstance(top.get("steps"), list):
        top["steps"] = [_step(each, f"steps[{number}]", passed_over) for number, each in enumerate(top["steps"])]
    return Modern(top, tuple(passed_over))


def _rename(table: dict[str, Any], old: str, new: str) -> None:
    if old in table:
        value = table.pop(old)
        table.setdefault(new, value)


def _verifier(table: Mapping[str, Any], place: str, passed_over: list[str]) -> dict[str, Any]:
    inner = table.get("environment")
    if not isinstance(inner, dict):
        return dict(table)
    return {**table, "environment": _environment(inner, f"{place}.environment", passed_over)}


def _environment(table: Mapping[str, Any], place: str, passed_over: list[str]) -> dict[str, Any]:
    """Sizes in MiB, and the network by its mode."""
    now = dict(table)
    for old, new in (("memory", "memory_mb"), ("storage", "storage_mb")):
        if isinstance(now.get(old), str):
            _merge_size(now, old, new, place)
        elif old in now:
            value = now.pop(old)
            passed_over.append(f"{place}.{old} = {value!r} is no text such as '2G', and has no effect in Harbor either")
    if "allow_internet" in now:
        allowed = _flag(now.pop("allow_internet"), f"{place}.allow_internet")
        # An explicit `true` stays a wish for the network, so that who cannot grant it can say so.
        now.setdefault("network_mode", "public" if allowed else "no-network")
    if isinstance(now.get("os"), str):
        now["os"] = now["os"].lower()
    return now


def _merge_size(table: dict[str, Any], old: str, new: str, place: str) -> None:
    text = table.pop(old)
    size = _mebibytes(text, f"{place}.{old}")
    written = with_numbers(table.get(new), int)
    if isinstance(written, int) and written != size:
        raise BadSpelling(f"{place}.{old}", f"{text!r} is {size} MB, and {new} = {written} stands beside it")
    table.setdefault(new, size)


def _flag(value: object, key: str) -> bool:
    """Read an old flag as Harbor's parser does. Null is false, as ever."""
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value).lower()
    if value is not None and text not in _TRUE | _FALSE:
        raise BadSpelling(key, f"expected true or false, got {value!r}")
    return text in _TRUE


def _mebibytes(value: str, key: str) -> int:
    match = _SIZE.fullmatch(value)
    if match is None:
        raise BadSpelling(key, f"expected a number and K, M or G, such as '2G', got {value!r}")
    return int(float(match[1]) * _MIB[match[2].upper()])


def _artifacts(value: object) -> object:
    """A plain string is a source."""
    if not isinstance(value, list):
        return value
    return [{"source": each} if isinstance(each, str) else each for each in value]


def _step(value: object, place: str, passed_over: list[str]) -> object:
    if not isinstance(value, dict):
        return value
    step = {**value, "artifacts": _artifacts(value["artifacts"])} if "artifacts" in value else dict(value)
    if isinstance(step.get("verifier"), dict):
        step["verifier"] = _verifier(step["verifier"], f"{place}.verifier", passed_over)
    return step
