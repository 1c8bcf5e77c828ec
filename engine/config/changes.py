"""Changes of a method's settings, as people type them after a run: by full key, or by a short one."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

import msgspec

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.program_registry import program_named, program_names
from engine.config.schema import Path, dotted, keys, split_key
from engine.config.spec import RunSpec
from engine.config.tree import ConfigValue, kind_of, settings_of, unknown
from engine.config.values import parse
from engine.core.methods import method_named

METHOD: Final = "method"
ACTIVE: Final = ("method", "pdi", "active")
REFERENCE: Final = (*ACTIVE, "reference", "threshold")


class Change(NamedTuple):
    """One setting as it shall be."""

    path: Path
    """Full, such as ("method", "pdi", "active", "threshold")."""
    value: object
    """As the spec holds it."""

    @property
    def name(self) -> str:
        """The key as people write it."""
        return dotted(self.path)


def read_changes(said: Sequence[tuple[str, str]], origin: str = "--set") -> tuple[Change, ...]:
    """Read settings of the method.

    Args:
        said: Keys with their values as TOML writes them. ``pdi.threshold`` is short for
            ``method.pdi.active.threshold``, ``attempts`` for ``method.attempts``. An empty table, ``{}``, takes away
            what stands in it; settings of another one can follow it.
        origin: What is blamed.

    Raises:
        ConfigRefused: A key is unknown, or not the method's, or its value is of another kind.
    """
    changes: list[Change] = []
    complaints: list[ConfigProblem] = []
    for key, text in said:
        path = full_path(key)
        for each in _read(path, text, f"{origin} {key}"):
            match each:
                case ConfigValue():
                    changes.append(Change(each.path, each.value))
                case ConfigProblem():
                    complaints.append(each)
    if complaints:
        raise ConfigRefused(complaints)
    return tuple(changes)


def full_path(key: str) -> Path:
    """Give the full key that a short one stands for; one that stands for nothing stays as it is."""
    path = split_key(key)
    for full in (path, (METHOD, *path), (*ACTIVE, *path[1:]) if path[0] == "pdi" else path):
        if len(full) > 1 and kind_of(full) is not None:
            return full
    return path


def _read(path: Path, text: str, origin: str) -> Sequence[ConfigValue | ConfigProblem]:
    kind = kind_of(path)
    if kind is None:
        return [_unknown(path, origin)]
    if path[0] not in {METHOD, *program_names()} or len(path) == 1:
        return [_elsewhere(path, origin)]
    tree: object = parse(text, kind)
    for part in reversed(path):
        tree = {part: tree}
    assert isinstance(tree, dict)
    return list(settings_of(tree, origin))


def _unknown(path: Path, origin: str) -> ConfigProblem:
    name = dotted(path)
    full = [key.name for key in keys() if key.path[0] in {METHOD, *program_names()}]
    short = {_short(each): each for each in full}
    near = get_close_matches(name, [*short, *full], n=1, cutoff=0.6)
    return (
        ConfigProblem(origin, name, f"unknown key {name}", f"did you mean {near[0]}?")
        if near
        else unknown(path, origin)
    )


def _short(name: str) -> str:
    return name.removeprefix("method.").replace("pdi.active.", "pdi.")


def _elsewhere(path: Path, origin: str) -> ConfigProblem:
    problem = f"{dotted(path)} is not a setting of a method or a program: its effect depends on live calls"
    remedy = "start a new run to see its effect, or choose a key under method or the table of the program"
    return ConfigProblem(origin, dotted(path), problem, remedy)


def change_spec(spec: RunSpec, changes: Sequence[Change]) -> RunSpec:
    """Give a spec with some settings of its method and its program changed.

    Raises:
        NameUnknown: A change names a method that no installed package registers.
        msgspec.ValidationError: The method or the program does not take them.
    """
    own = [each for each in changes if each.path[0] != METHOD]
    others = [each for each in own if each.path[0] != spec.program]
    if others:
        raise msgspec.ValidationError(f"{others[0].name} is not a setting of the program {spec.program}")
    tree: dict[str, Any] = msgspec.to_builtins(spec.own)
    for each in own:
        _put(tree, each.path[1:], each.value)
    msgspec.convert(tree, program_named(spec.program).spec)
    method = change(spec.method, [each for each in changes if each.path[0] == METHOD])
    return msgspec.structs.replace(spec, method=method, own=tree)


def change(method: Any, changes: Sequence[Change]) -> Any:
    """Give a method's settings with some of them changed; later changes win.

    The threshold of a ``calibrated`` monitor is that of its reference, so a change of the one is a change of the other.
    """
    tree: dict[str, Any] = msgspec.to_builtins(method)
    for each in changes:
        if each.path[0] == METHOD:
            _put(tree, each.path[1:], each.value)
    settings = method_named(tree["name"]).settings
    changed: Any = msgspec.convert(tree, settings)
    given = {each.path: each.value for each in changes}
    calibrated = tree.get("pdi", {}).get("active", {}).get("method") == "calibrated"
    if calibrated and (*ACTIVE, "threshold") in given and REFERENCE not in given:
        tree["pdi"]["active"]["reference"]["threshold"] = given[*ACTIVE, "threshold"]
        changed = msgspec.convert(tree, settings)
    return changed


def _put(tree: dict[str, Any], path: Path, value: object) -> None:
    """Set one key; tables on the way to it that are not there begin empty, and an empty table replaces what it held."""
    *before, last = path
    for part in before:
        if not isinstance(tree.get(part), dict):
            tree[part] = {}
        tree = tree[part]
    tree[last] = {} if value == {} else value
