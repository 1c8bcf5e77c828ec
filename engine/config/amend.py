"""A recorded spec with some keys changed: for forks, and for asking what other settings would have decided."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.program_registry import program_named
from engine.config.resolve import ADDRESSED, Flag, completed, flag_settings, switches
from engine.config.schema import dotted
from engine.config.spec import RunSpec
from engine.config.tree import ConfigValue
from events.types.session import SettingChange

NOTHING: Final[Mapping[str, str]] = {}


class Amended(NamedTuple):
    """A spec, and in which keys it is not the one before."""

    spec: RunSpec
    changes: tuple[SettingChange, ...]


def amend(
    spec: RunSpec,
    flags: Sequence[Flag],
    folder: Path,
    *,
    fixed: Mapping[str, str] = NOTHING,
    environment: Mapping[str, str] = NOTHING,
) -> Amended:
    """Change keys of a spec. A model that is given another provider takes from it what belongs to that.

    Args:
        spec: The one before.
        flags: What is changed; a key that is given its old value changes nothing.
        folder: What relative paths start from.
        fixed: Keys that may not be changed here, each with the reason, as it goes on behind the key.
        environment: In which providers' variables are looked up.

    Raises:
        ConfigRefused: A key is unknown, its value of the wrong kind, or it is fixed.
    """
    settings = flag_settings(flags, folder)
    _refuse(settings, fixed)
    return amended(spec, settings, environment)


def _refuse(settings: Sequence[ConfigValue], fixed: Mapping[str, str]) -> None:
    refused = [each for each in settings if each.path[0] in fixed]
    if refused:
        remedy = "start a new run: `stillroom run`"
        raise ConfigRefused(
            [
                ConfigProblem(each.origin, dotted(each.path), f"{dotted(each.path)} {fixed[each.path[0]]}", remedy)
                for each in refused
            ]
        )


def amended(spec: RunSpec, settings: Sequence[ConfigValue], environment: Mapping[str, str] = NOTHING) -> Amended:
    """Change keys of a spec that are read already; see `amend`.

    Raises:
        ConfigRefused: What comes of it is no spec.
    """
    tree = msgspec.to_builtins(spec)
    for setting in settings:
        _put(tree, _place(spec, setting.path), msgspec.to_builtins(setting.value))
    brought = _brought(spec, tree, settings, environment)
    settings = [*settings, *brought]
    for setting in brought:
        _put(tree, setting.path, msgspec.to_builtins(setting.value))
    try:
        changed = msgspec.convert(tree, RunSpec)
        msgspec.convert(changed.own, program_named(changed.program).spec)
    except msgspec.ValidationError as error:
        origin = ", ".join(dict.fromkeys(each.origin for each in settings))
        problem = f"the resulting configuration is invalid: {error}"
        raise ConfigRefused([ConfigProblem(origin, "", problem, "set every key that a new table needs")]) from error
    before, now = msgspec.to_builtins(spec), msgspec.to_builtins(changed)
    changes = [
        SettingChange(dotted(each.path), was, is_now)
        for each in settings
        if (was := _told(before, _place(spec, each.path))) != (is_now := _told(now, _place(spec, each.path)))
    ]
    return Amended(changed, tuple(changes))


def _place(spec: RunSpec, path: Sequence[str]) -> Sequence[str]:
    """Say where a key stands in a spec: those of the table of the program are its own settings."""
    return ("own", *path[1:]) if path[0] == spec.program else path


def _brought(
    before: RunSpec, tree: dict[str, Any], changed: Sequence[ConfigValue], environment: Mapping[str, str]
) -> list[ConfigValue]:
    """Say what models get anew that were given another provider, or are to think or not; what they had goes.

    Raises:
        ConfigRefused: Something is missing, or cannot be.
    """
    paths = {each.path: each for each in changed}
    roles = {path[1] for path in paths if path[0] == "models" and path[2:] in {("provider",), ("thinking",)}}
    for role in roles:
        table, given = tree["models"][role], {path[2:] for path in paths if path[:2] == ("models", role)}
        if ("provider",) in given:
            for key in ADDRESSED:
                if (key,) not in given:
                    table.pop(key, None)
        for name in switches(None if role not in before.models else before.models[role].provider):
            if ("parameters", name) not in given:
                table.get("parameters", {}).pop(name, None)
    now = {
        path: paths.get(path) or ConfigValue(path, value, "") for role in roles for path, value in _leaves(tree, role)
    }
    found = list(completed(now, environment))
    complaints = [each for each in found if isinstance(each, ConfigProblem)]
    if complaints:
        raise ConfigRefused(complaints)
    return [each for each in found if isinstance(each, ConfigValue)]


def _leaves(tree: dict[str, Any], role: str) -> Iterator[tuple[tuple[str, ...], object]]:
    """List the keys of a model that say something."""
    for key, value in tree["models"][role].items():
        if key == "parameters":
            yield from ((("models", role, key, name), each) for name, each in value.items())
        elif value is not None:
            yield ("models", role, key), value


def _put(tree: dict[str, Any], path: Sequence[str], value: object) -> None:
    *before, last = path
    for part in before:
        tree = tree.setdefault(part, {})
    tree[last] = value


def _told(tree: Any, path: Sequence[str]) -> str:
    for part in path:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return msgspec.json.encode(tree).decode()
