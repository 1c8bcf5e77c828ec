"""Writes the commit that a wheel is built from into it; everything else of the build stands in pyproject.toml."""

import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


def _git(*words: str) -> str | None:
    command = ["git", "-C", str(ROOT), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - ours
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def commit() -> str | None:
    """Name the commit, with ``+changes`` where tracked files differ from it. None: this is no checkout of git."""
    if not (ROOT / ".git").exists():
        return None
    head, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    return None if not head else f"{head}+changes" if changes else head


class BuildWithCommit(build_py):
    """Puts ``stillroom/commit.txt`` beside the modules that are built; an editable install has none, and asks git."""

    def run(self) -> None:
        """Build, and write it."""
        super().run()
        found = None if self.editable_mode else commit()
        if found is not None:
            target = Path(self.build_lib) / "stillroom" / "commit.txt"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(found + "\n", encoding="ascii")


setup(cmdclass={"build_py": BuildWithCommit})
