"""Modules of ours that lie at the top level, where a user may have modules of the same names."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def claim(name: str) -> Any:
    """Import a top-level module of ours from where this package lies, whatever lies beside the program that imports it.

    Raises:
        ImportError: A module of another origin has been imported under its name.
    """
    home = str(Path(__file__).resolve().parent.parent)
    sys.path.insert(0, home)
    try:
        found = import_module(name)
    finally:
        sys.path.remove(home)
    origin = next(iter(getattr(found, "__path__", [])), getattr(found, "__file__", None) or "")
    if Path(origin).resolve().parent != Path(home):
        raise ImportError(
            f"a module named {name!r} was imported before stillroom, from {origin}; import stillroom first, or "
            f"rename that module"
        )
    return found
