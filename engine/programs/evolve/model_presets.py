"""Presets of models: data files that name an agent, the model that solves, who writes skills, and prices."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.programs.evolve.shipped import shipped_tables

_TITLE: Final = "title"


def shipped_presets() -> Mapping[str, Mapping[str, Any]]:
    """Give the presets that stillroom brings by name: each is a part of a spec, and a title."""
    return shipped_tables("presets")


def preset_settings(name: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give the settings of a preset, each with its key.

    Raises:
        ConfigRefused: There is no such preset.
    """
    known = shipped_presets()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        raise ConfigRefused([ConfigProblem("--preset", "preset", f"there is no preset {name!r}", remedy)])
    return _leaves((), {key: value for key, value in known[name].items() if key != _TITLE})


def _leaves(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _leaves((*path, key), value)
        else:
            yield (*path, key), value
