"""Formats of item sets by name, through entry points: built-in ones and outsiders' come the same way."""

from engine.core.plugins import plugin, plugin_names
from engine.items.base import ItemFormat

GROUP = "stillroom.items"


def item_format_names() -> tuple[str, ...]:
    """List all formats that some installed package registers."""
    return plugin_names(GROUP)


def item_format(name: str) -> ItemFormat:
    """Find a format.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: The package that registers it cannot be imported.
    """
    form: ItemFormat = plugin(GROUP, "item format", name)
    return form
