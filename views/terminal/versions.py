"""Which versions of what are here: for reports of trouble, and for comparing two machines."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

import msgspec
from rich.console import RenderableType
from rich.text import Text

from events.catalog import AnyEvent
from events.store.chain import FORMAT
from views.terminal.screen import SCHEMA


class Versions(msgspec.Struct, frozen=True):
    """Versions of ourselves and of what we stand on."""

    stillroom: str
    python: str
    sqlite: str
    log_format: int
    json_schema: int
    event_tags: int
    """How many kinds of events this version knows."""
    projections: Mapping[str, int]
    """Revisions of the views that are folded from the log, by name."""


def package_version() -> str:
    """Give our version, as it is installed."""
    try:
        return version("stillroom")
    except PackageNotFoundError:
        return "not installed"


def versions(sqlite: str, projections: Mapping[str, int]) -> Versions:
    """Gather them.

    Args:
        sqlite: Version of the library that keeps the log.
        projections: Revisions by name.
    """
    tags = len(getattr(AnyEvent, "__args__", ()))
    return Versions(package_version(), platform.python_version(), sqlite, FORMAT, SCHEMA, tags, projections)


def render(row: Versions) -> RenderableType:
    """Write the one line that ``--version`` prints."""
    return Text(f"stillroom {row.stillroom} (Python {row.python}, SQLite {row.sqlite})")
