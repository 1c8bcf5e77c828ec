"""Bring older spellings of ``task.toml`` to the present ones. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMG])\s*", re.IGNORECASE)
_MIB: Final = {"K": 1 / 1024, "M": 1.0, "G": 1024.0}
_NUMBERS: Final = frozenset({
    "build_timeout_sec", "cpus", "gpus", "interval_sec", "memory_mb", "retries", "start_interval_sec",
    "start_period_sec", "storage_mb", "timeout_sec",
})  # fmt: skip
_WHOLE: Final = re.compile(r"[+-]?\d+")


class BadSpelling(Exception):
    """Raised when an old key holds what it never could.

    Attributes:
        key: Dotted key.
    """

    def __init__(self, key: str, detail: str) -> None:
        super().__init__(detail)
        self.key = key


def modernise(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings in the words of schema 1.4; nothing else is changed or dropped.

    Raises:
        BadSpelling: A legacy key's value cannot be understood.
    """
    top = dict(raw)
    _rename(top, "version", "schema_version")
    # It was accepted and dropped by Harbor itself when the strategy was introduced.
    top.pop("multi_step_reward_mode", None)
    if isinstance(top.get("environment"), dict):
        top["environment"] = _environment(top["environment"], "environment")
    verifier = top.get("verifier")
    if isinstance(verifier, dict) and isinstance(verifier.get("environment"), dict):
        inner = _environment(verifier["environment"], "verifier.environment")
        top["verifier"] = {**verifier, "environment": inner}
    if "artifacts" in top:
        top["artifacts"] = _artifacts(top["artifacts"])
    if isinstance(top.get("steps"), list):
        top["steps"] = [_step(each) for each in top["steps"]]
    return {key: _numbers(value) if key != "metadata" else value for key, value in top.items()}


def _rename(table: dict[str, Any], old: str, new: str) -> None:
    if old in table:
        value = table.pop(old)
        table.setdefault(new, value)


def _environment(table: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Sizes in MiB, and the network by its mode."""
    now = dict(table)
    for old, new in (("memory", "memory_mb"), ("storage", "storage_mb")):
        if old in now:
            value = now.pop(old)
            now.setdefault(new, _mebibytes(value, f"{place}.{old}"))
    if "allow_internet" in now:
        allowed = now.pop("allow_internet")
        if allowed is not None and not isinstance(allowed, bool):
            raise BadSpelling(f"{place}.allow_internet", f"expected true or false, got {allowed!r}")
        # An explicit `true` stays a wish for the network, so that who cannot grant it can say so.
        now.setdefault("network_mode", "public" if allowed else "no-network")
    return now


def _mebibytes(value: object, key: str) -> int:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise BadSpelling(key, f"expected a number and K, M or G, such as '2G', got {value!r}")
    return int(float(match[1]) * _MIB[match[2].upper()])


def _artifacts(value: object) -> object:
    """A plain string is a source."""
    if not isinstance(value, list):
        return value
    return [{"source": each} if isinstance(each, str) else each for each in value]


def _step(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {**value, "artifacts": _artifacts(value["artifacts"])} if "artifacts" in value else value


def _numbers(value: object) -> object:
    """Numbers written as text, where a number is meant: Harbor's parser takes ``cpus = "2"``."""
    match value:
        case dict():
            return {
                key: int(each)
                if key in _NUMBERS and isinstance(each, str) and _WHOLE.fullmatch(each)
                else _numbers(each)
                for key, each in value.items()
            }
        case list():
            return [_numbers(each) for each in value]
        case _:
            return value
