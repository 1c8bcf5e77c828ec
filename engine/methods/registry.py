"""Methods by name, through entry points: built-in ones and outsiders' come the same way."""

from engine.methods.base import Method
from engine.plugins import plugin

GROUP = "stillroom.methods"


def method_named(name: str) -> Method:
    """Find a method.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: The package that registers it cannot be imported.
    """
    method: Method = plugin(GROUP, "method", name)
    return method
