"""Kinds of sandboxes by name, through entry points: built-in ones and outsiders' come the same way."""

from typing import Final

from engine.core.plugins import plugin, plugin_names
from sandbox.kind import SandboxKind

GROUP: Final = "stillroom.sandboxes"


def sandbox_names() -> tuple[str, ...]:
    """List all kinds of sandboxes that some installed package registers."""
    return plugin_names(GROUP)


def sandbox_kind(name: str) -> SandboxKind:
    """Find a kind of sandbox.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: The package that registers it cannot be imported.
    """
    kind: SandboxKind = plugin(GROUP, "sandbox", name)
    return kind
