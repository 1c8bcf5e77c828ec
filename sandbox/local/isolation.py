"""What the local sandbox asks of the two ways to confine a process: bubblewrap, or nothing at all."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from sandbox.process import REPORT_FD_VARIABLE

STARTED: Final = b"started"
NO_FOLDER: Final = b"no folder"

PROGRAMS_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def own_python() -> Path | None:
    """Where our own Python is installed; None when it is among the system's programs."""
    python = Path(sys.base_prefix).resolve()
    return None if python.is_relative_to("/usr") else python


def programs_path() -> str:
    """Where programs are: our own Python first, so that there is a ``python3`` and we know which."""
    return PROGRAMS_PATH if own_python() is None else f"{own_python()}/bin:{PROGRAMS_PATH}"


# Says whether the command really began, on a descriptor of its own: an exit code alone cannot tell a failed
# launcher from a failed command. For bash: dash cannot name a descriptor above 9; with -p, so that a
# BASH_ENV of the image's is not run first.
LAUNCHER: Final = f"""
report=${REPORT_FD_VARIABLE}
unset {REPORT_FD_VARIABLE}
cd -- "$1" 2>/dev/null || {{ printf '{NO_FOLDER.decode()}' >&"$report"; exit 126; }}
printf '{STARTED.decode()}' >&"$report"
exec {{report}}>&-
shift
exec "$@"
"""


class IsolationOptions(Struct, frozen=True):
    """What a cell is made with."""

    env: Mapping[str, str]
    """All variables a command sees, but for its own."""
    memory_bytes: int
    processes: int
    file_bytes: int


class IsolationBackend(Protocol):
    """A place to start processes in."""

    def argv(self, words: list[str], cwd: str) -> list[str]:
        """The host's command line that runs these words inside, through ``LAUNCHER``."""
        ...

    def environment(self) -> Mapping[str, str]:
        """All variables that a command starts with, but for its own."""
        ...

    def inside(self, path: str) -> str:
        """A path of the sandbox as processes in it must spell it."""
        ...

    def map_path(self, text: str) -> str:
        """A command or a script, with the sandbox's paths as processes in it must spell them."""
        ...

    async def start(self) -> None:
        """Make it ready; nothing when it is. Raises ``SandboxUnavailable``."""
        ...

    def lost(self) -> str | None:
        """Why nothing can run in it any more; None while all is well."""
        ...

    async def kill(self) -> None:
        """Kill every process in it, and wait until they are dead."""
        ...
