"""Methods by name, through entry points: built-in ones and outsiders' come the same way."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from engine.errors import NameUnknown
from engine.methods.base import Method

GROUP = "stillroom.methods"


def method_named(name: str) -> Method:
    """Find a method.

    Raises:
        NameUnknown: No installed package registers it.
    """
    found = _installed()
    if name not in found:
        raise NameUnknown("method", name, tuple(sorted(found)))
    method: Method = found[name].load()
    return method


@cache
def _installed() -> Mapping[str, EntryPoint]:
    """Look once: it reads a file of every installed package, and each trial of a thousand asks."""
    return {point.name: point for point in entry_points(group=GROUP)}
