"""Methods by name, through entry points: built-in ones and outsiders' come the same way."""

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.core.decision import Method
from engine.core.plugins import plugin, plugin_names, usable

GROUP: Final = "stillroom.methods"
SPARK: Final = "spark"
"""The method of a spec that names none."""


def method_named(name: str) -> Method:
    """Find a method.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: What is registered cannot be imported, or is no method.
    """
    method: Method = plugin(GROUP, "method", name, ("name", "policies", "settings"))
    return method


def method_names() -> tuple[str, ...]:
    """List the methods that installed packages register."""
    return plugin_names(GROUP)


def usable_methods() -> Mapping[str, Method]:
    """Give the methods that can be used, by name, that of a spec that names none first."""
    return usable(sorted(method_names(), key=lambda name: (name != SPARK, name)), method_named)


def default_method_settings() -> msgspec.Struct:
    """Give the settings of a spec that names no method."""
    return method_named(SPARK).settings()
