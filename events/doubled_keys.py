"""JSON objects with a key that stands in them twice: one reader takes the first value, and another one the last."""

import json
from typing import Any


class _DoubledKey(Exception):
    """Raised at the first one."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def doubled_key(data: bytes | str) -> str | None:
    """Name a key that stands twice in an object of a JSON text. None: none does, or it is no JSON."""
    try:
        json.loads(data, object_pairs_hook=_once)
    except _DoubledKey as error:
        return error.key
    except (ValueError, RecursionError):
        return None
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _DoubledKey(key)
        found[key] = value
    return found
