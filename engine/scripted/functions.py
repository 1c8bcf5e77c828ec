"""Functions that answer in place of a model, by name, through entry points: built-in ones and outsiders' come alike."""

from collections.abc import Callable
from typing import TypeAlias

from engine.core.plugins import plugin, plugin_names
from engine.protocols.server_side import ServerRequest
from engine.scripted.script import ScriptedTurn

GROUP = "stillroom.script_functions"

ScriptFunction: TypeAlias = Callable[[ServerRequest], ScriptedTurn | None]
"""Makes an answer of a request and of nothing else, so that the same request always has the same answer. None: it has
no answer, and the request is refused."""


def script_function_names() -> tuple[str, ...]:
    """List all functions that some installed package registers."""
    return plugin_names(GROUP)


def script_function(name: str) -> ScriptFunction:
    """Find a function.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: The package that registers it cannot be imported.
    """
    function: ScriptFunction = plugin(GROUP, "script function", name)
    return function
