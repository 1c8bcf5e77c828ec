"""Methods by name, through entry points: built-in ones and outsiders' come the same way."""

from typing import Final

import msgspec

from engine.core.decision import Method
from engine.core.plugins import plugin, plugin_names

GROUP: Final = "stillroom.methods"
SPARK: Final = "spark"
"""The method of a spec that names none."""


def method_named(name: str) -> Method:
    """Find a method.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: The package that registers it cannot be imported.
    """
    method: Method = plugin(GROUP, "method", name)
    return method


def method_names() -> tuple[str, ...]:
    """List the methods that installed packages register."""
    return plugin_names(GROUP)


def default_method_settings() -> msgspec.Struct:
    """Give the settings of a spec that names no method."""
    return method_named(SPARK).settings()
