"""Methods by name, through entry points: built-in ones and outsiders' come the same way."""

from importlib.metadata import entry_points

from engine.errors import NameUnknown
from engine.methods.base import Method

GROUP = "stillroom.methods"


def method_named(name: str) -> Method:
    """Find a method.

    Raises:
        NameUnknown: No installed package registers it.
    """
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        raise NameUnknown("method", name, tuple(sorted(found)))
    method: Method = found[name].load()
    return method
