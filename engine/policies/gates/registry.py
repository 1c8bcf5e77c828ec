"""Gates by name, through entry points: built-in ones and outsiders' come the same way."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from engine.core.errors import EngineError
from engine.core.plugins import plugin, plugin_names
from engine.policies.gates.base import Gate, GateKind, GatePlan
from events.errors import ExitCode

GROUP = "stillroom.gates"


class GateSettingsRefused(EngineError):
    """Raised when a gate's table does not hold settings of that gate.

    Attributes:
        gate: Its name.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, gate: str, why: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"these are no settings of the gate {gate!r}: {why}",
            remedy=f"its settings are {', '.join(known)}" if known else "it has no settings",
        )
        self.gate = gate


def gate_names() -> tuple[str, ...]:
    """List all gates that some installed package registers, sorted. Nothing is imported."""
    return plugin_names(GROUP)


def gate_kind(name: str) -> GateKind[Any]:
    """Find a gate.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: The package that registers it cannot be imported.
    """
    kind: GateKind[Any] = plugin(GROUP, "gate", name, ("name", "settings", "make"))
    return kind


def gate_settings(name: str, table: Mapping[str, Any]) -> msgspec.Struct:
    """Read the settings of a gate as they count, defaults included.

    Args:
        name: Of the gate.
        table: Its settings alone; those that are missing have their defaults.

    Raises:
        GateSettingsRefused: A setting is unknown, or a value does not fit.
        NameUnknown: No installed package registers the gate.
        PluginBroken: The package that registers it cannot be imported.
    """
    kind = gate_kind(name)
    known = tuple(field.name for field in msgspec.structs.fields(kind.settings))
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise GateSettingsRefused(name, f"{', '.join(unknown)} is unknown", known)
    try:
        settings: msgspec.Struct = msgspec.convert(dict(table), kind.settings)
    except msgspec.ValidationError as error:
        raise GateSettingsRefused(name, str(error), known) from error
    return settings


def gate_named(name: str, table: Mapping[str, Any], plan: GatePlan) -> Gate:
    """Make a gate with its settings, for a selection set of so many items and so many candidates.

    Raises:
        GateSettingsRefused: A setting is unknown, or a value does not fit.
        NameUnknown: No installed package registers the gate.
        PluginBroken: The package that registers it cannot be imported.
    """
    gate: Gate = gate_kind(name).make(gate_settings(name, table), plan)
    return gate
