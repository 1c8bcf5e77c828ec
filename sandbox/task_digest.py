"""The digest of a task folder, as Harbor's packages have it (``reference/harbor.md``, section f)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

from events.digest import Digest, digest_of
from sandbox.errors import TaskInvalid

ROOT_FILES: Final = ("task.toml", "instruction.md", "README.md")
ROOT_FOLDERS: Final = ("environment", "tests", "solution", "steps")
_IGNORED: Final = ("__pycache__/", "*.pyc", ".DS_Store", "*.swp", "*.swo", "*~")
"""Left out where the task has no ``.gitignore`` of its own; one of its own replaces these."""


def package_files(folder: Path) -> tuple[str, ...]:
    """What belongs to the task, as sorted POSIX paths. Other entries of its root do not count.

    Raises:
        TaskInvalid: A link leads out of the task folder: what it points at would not travel with the task.
    """
    own = folder / ".gitignore"
    patterns = own.read_text(encoding="utf-8").splitlines() if own.is_file() else list(_IGNORED)
    ignored = GitIgnoreSpec.from_lines(patterns)
    found = (path.relative_to(folder).as_posix() for path in _candidates(folder))
    return tuple(sorted(path for path in found if not ignored.match_file(path)))


def package_digest(folder: Path) -> Digest:
    """SHA-256 over ``<path> NUL <hex digest of content> LF`` of every file. Modes and times do not count.

    Raises:
        TaskInvalid: As ``package_files``.
    """
    lines = (f"{path}\0{digest_of((folder / path).read_bytes())}\n" for path in package_files(folder))
    return digest_of("".join(lines).encode("utf-8", "surrogateescape"))


def _candidates(folder: Path) -> Iterator[Path]:
    for name in ROOT_FILES:
        if (folder / name).is_file():
            yield folder / name
    for name in ROOT_FOLDERS:
        for path in (folder / name).rglob("*"):
            if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
                raise TaskInvalid(
                    folder.name,
                    path.relative_to(folder).as_posix(),
                    "is a link that leads out of the task folder",
                    remedy="put a copy of the file in its place",
                )
            if path.is_file():
                yield path
