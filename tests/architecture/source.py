"""The project's own source, as the architecture tests read it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("events", "projections", "sandbox", "engine", "replay", "views")
"""Our packages, lowest layer first."""
_NOT_OURS: Final = frozenset(ROOT / "engine" / "demo" / name for name in ("tasks", "evolve"))
"""Tasks hold the agent's and the verifier's files."""


def shipped() -> Iterator[Path]:
    """List every module that is installed."""
    yield ROOT / "cli.py"
    for package in PACKAGES:
        yield from (path for path in sorted((ROOT / package).rglob("*.py")) if _NOT_OURS.isdisjoint(path.parents))


def modules() -> Iterator[Path]:
    """List every module of ours: the installed ones, tests and benchmarks."""
    yield from shipped()
    for folder in ("tests", "benchmarks", "examples"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def tracked() -> Iterator[Path]:
    """List every file that a clone holds, and those that are about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file() and not path.is_symlink():
            yield path


def named(path: Path) -> str:
    """Write a path as the tables in the tests do."""
    return path.relative_to(ROOT).as_posix()
