"""Data files that stillroom brings: arms and presets of models, one table for each file."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any


@cache
def shipped_tables(folder: str) -> Mapping[str, Mapping[str, Any]]:
    """Read every TOML file of a folder beside this module, by its name without the suffix."""
    files = sorted((Path(__file__).parent / folder).glob("*.toml"))
    return MappingProxyType({path.stem: tomllib.loads(path.read_text("utf-8")) for path in files})
