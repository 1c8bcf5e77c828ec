"""Providers by name, through entry points: built-in ones and outsiders' come the same way."""

from typing import Final

from engine.core.plugins import plugin, plugin_names
from engine.providers.provider import ModelProvider

GROUP: Final = "stillroom.providers"


def provider_names() -> tuple[str, ...]:
    """List all providers that some installed package registers."""
    return plugin_names(GROUP)


def provider_named(name: str) -> ModelProvider:
    """Find a provider.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: The package that registers it cannot be imported.
    """
    provider: ModelProvider = plugin(GROUP, "provider", name)
    return provider
