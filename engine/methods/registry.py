"""Methods by name, through entry points: built-in ones and outsiders' come the same way."""

from engine.errors import NameUnknown
from engine.methods.base import Method
from engine.registered import registered

GROUP = "stillroom.methods"


def method_named(name: str) -> Method:
    """Find a method.

    Raises:
        NameUnknown: No installed package registers it.
    """
    found = registered(GROUP)
    if name not in found:
        raise NameUnknown("method", name, tuple(sorted(found)))
    method: Method = found[name].load()
    return method
