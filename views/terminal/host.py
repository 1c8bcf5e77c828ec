"""What a command is given of the machine it runs on. Made in ``cli.py``; in tests, by the test."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final, NamedTuple

from views.terminal.shutdown import Shutdown

LOG_VARIABLE: Final = "STILLROOM_LOG"
"""Names the log where ``--log`` does not."""


class Host(NamedTuple):
    """Everything outside a command's arguments."""

    environment: Mapping[str, str]
    folder: Path
    """Where the command was given; relative paths start from it."""
    stdout: IO[str]
    stderr: IO[str]
    clock: Callable[[], int]
    """Microseconds since 1970, UTC."""
    sqlite: str
    """Version of the library that keeps logs."""

    shutdown: Shutdown | None = None
    """Signals that stop the process. None: nobody looks for them here."""
    stdin: IO[str] | None = None
    """Where a person answers. None: nobody is asked."""

    @property
    def workspace(self) -> Path:
        """The folder that holds the log, sandboxes and reports of trouble."""
        return self.folder / ".stillroom"

    def log_path(self, named: Path | None) -> Path:
        """Say which log is meant."""
        return self.folder / (named or Path(self.environment.get(LOG_VARIABLE) or self.workspace / "log.db"))
