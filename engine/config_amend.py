"""A recorded spec with some keys changed: for forks, and for asking what other settings would have decided."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from engine.config import Flag, flag_settings
from engine.config_errors import Complaint, ConfigRefused
from engine.config_shape import dotted
from engine.spec import RunSpec
from events.session import SettingChange

NOTHING: Final[Mapping[str, str]] = {}


class Amended(NamedTuple):
    """A spec, and in which keys it is not the one before."""

    spec: RunSpec
    changes: tuple[SettingChange, ...]


def amend(spec: RunSpec, flags: Sequence[Flag], folder: Path, *, fixed: Mapping[str, str] = NOTHING) -> Amended:
    """Change keys of a spec.

    Args:
        spec: The one before.
        flags: What is changed; a key that is given its old value changes nothing.
        folder: What relative paths start from.
        fixed: Keys that may not be changed here, each with the reason, as it goes on behind the key.

    Raises:
        ConfigRefused: A key is unknown, its value of the wrong kind, or it is fixed.
    """
    settings = flag_settings(flags, folder)
    refused = [each for each in settings if each.path[0] in fixed]
    if refused:
        remedy = "start a run of its own: `stillroom run`"
        raise ConfigRefused(
            [
                Complaint(each.origin, dotted(each.path), f"{dotted(each.path)} {fixed[each.path[0]]}", remedy)
                for each in refused
            ]
        )
    tree = msgspec.to_builtins(spec)
    for setting in settings:
        _put(tree, setting.path, msgspec.to_builtins(setting.value))
    try:
        amended = msgspec.convert(tree, RunSpec)
    except msgspec.ValidationError as error:
        origin = ", ".join(dict.fromkeys(each.origin for each in settings))
        problem = f"what comes of it is not a spec: {error}"
        raise ConfigRefused([Complaint(origin, "", problem, "set every key that a new table needs")]) from error
    before, now = msgspec.to_builtins(spec), msgspec.to_builtins(amended)
    changes = [
        SettingChange(dotted(each.path), was, is_now)
        for each in settings
        if (was := _told(before, each.path)) != (is_now := _told(now, each.path))
    ]
    return Amended(amended, tuple(changes))


def _put(tree: dict[str, Any], path: Sequence[str], value: object) -> None:
    *before, last = path
    for part in before:
        tree = tree.setdefault(part, {})
    tree[last] = value


def _told(tree: Any, path: Sequence[str]) -> str:
    for part in path:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return msgspec.json.encode(tree).decode()
