"""What the composition root knows of the machine. It imports nothing of what it is used to open."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple


class ProcessEnvironment(NamedTuple):
    """What the composition root knows of the machine."""

    environment: Mapping[str, str]
    folder: Path
    """Where the command was given."""
    log: Path
    sandboxes: Path
    """Folder for the folders of sandboxes."""
    clock: Callable[[], int]
    package: str
    """Version of stillroom."""
