"""Commands in scripts that install packages or fetch something, found by how they are written; runs nothing."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_INSTALLS: Final = re.compile(
    r"\b(?:apt-get|apt|apk|yum|dnf|zypper)\s+(?:-\S+\s+)*(?:install|update|upgrade|add)\b"
    r"|\bpip3?\s+(?:-\S+\s+)*install\b|\b(?:npm|pnpm|yarn)\s+(?:install|i|ci|add)\b"
    r"|\b(?:conda|mamba|gem|cargo|go)\s+install\b"
)
_FETCHES: Final = re.compile(
    r"\buvx\b|\buv\s+(?:run|pip|sync|tool|venv|add)\b|\bnpx\b"
    r"|\b(?:curl|wget)\b[^|;&]*?https?://(?!localhost|127\.|\[::1\]|0\.0\.0\.0)\S+"
    r"|\bgit\s+clone\s+(?:-\S+\s+)*(?:https?|git|ssh)[:@]\S+"
)


class NetworkCommand(NamedTuple):
    """A command that needs a network, or packages that are not there."""

    line: int
    """From 1."""
    text: str
    """What of the line says so."""
    installs: bool
    """Whether it installs packages; if not, it fetches something."""


def network_commands(script: str) -> Iterator[NetworkCommand]:
    """Find the first such command of each line that is no comment; one that installs comes before one that fetches."""
    for number, line in enumerate(script.splitlines(), start=1):
        if line.lstrip().startswith("#"):
            continue
        installs = _INSTALLS.search(line)
        found = installs or _FETCHES.search(line)
        if found is not None:
            yield NetworkCommand(number, found[0], installs is not None)
