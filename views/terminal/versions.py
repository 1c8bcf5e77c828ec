"""Which versions of what are here: for reports of trouble, and for comparing two machines."""

import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from events.catalog import AnyEvent
from events.store.chain import FORMAT
from views.terminal.screen import SCHEMA


class Versions(msgspec.Struct, frozen=True):
    """Versions of ourselves and of what we stand on."""

    stillroom: str
    commit: str | None
    """Commit that it was built from, or that its checkout is at; ``+changes`` behind it where tracked files differ from
    that. None: nobody knows."""
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


HOME: Final = Path(__file__).resolve().parent.parent.parent
"""Where the packages lie: a checkout, or ``site-packages``."""


def commit_of(home: Path, vcs: str | None) -> str | None:
    """Name the commit of what is installed: as its wheel says, as its installer noted, or as git says of a checkout.

    Args:
        home: Where the packages lie.
        vcs: What the installer noted of its source (PEP 610). None: nothing.
    """
    built = home / "stillroom" / "commit.txt"
    if built.is_file():
        return built.read_text(encoding="ascii", errors="replace").strip() or None
    if (home / ".git").exists():  # only its own: a folder of packages may lie within another project's checkout
        return _checked_out(home)
    return None if vcs is None else _Source.of(vcs)


class _Vcs(msgspec.Struct):
    commit_id: str | None = None


class _Source(msgspec.Struct):
    vcs_info: _Vcs | None = None

    @classmethod
    def of(cls, noted: str) -> str | None:
        try:
            found = msgspec.json.decode(noted, type=cls).vcs_info
        except msgspec.MsgspecError:
            return None
        return None if found is None else found.commit_id


def _checked_out(home: Path) -> str | None:
    head = _git(home, "rev-parse", "HEAD")
    if not head:
        return None
    return f"{head}+changes" if _git(home, "status", "--porcelain", "--untracked-files=no") else head


def _git(home: Path, *words: str) -> str | None:
    command = ["git", "-C", str(home), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603 - ours
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def noted_source() -> str | None:
    """Read what the installer noted of our source. None: nothing, or we are not installed."""
    try:
        return distribution("stillroom").read_text("direct_url.json")
    except PackageNotFoundError:
        return None


def versions(sqlite: str, projections: Mapping[str, int]) -> Versions:
    """Gather them.

    Args:
        sqlite: Version of the library that keeps the log.
        projections: Revisions by name.
    """
    tags = len(getattr(AnyEvent, "__args__", ()))
    commit = commit_of(HOME, noted_source())
    return Versions(package_version(), commit, platform.python_version(), sqlite, FORMAT, SCHEMA, tags, projections)


def render(row: Versions) -> RenderableType:
    """Write the one line that ``--version`` prints."""
    commit, _, changed = (row.commit or "unknown").partition("+")
    at = f"commit {commit[:12]}{' with changes' if changed else ''}"
    return Text(f"stillroom {row.stillroom}, {at} (Python {row.python}, SQLite {row.sqlite})")
