"""The files of an output folder of SkillOpt: all of them, and which of them tell of its steps."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from engine.importers.left_out import ImportOmission, leads_out

HISTORY: Final = "history.json"
CONFIG: Final = "config.json"
SUMMARY: Final = "summary.json"
BEST: Final = "best_skill.md"
INITIAL: Final = "skills/skill_v0000.md"
BASELINE: Final = "selection_eval_baseline"
STEPS: Final = "steps"
RECORD: Final = "step_record.json"
_LARGEST: Final = 32 << 20
"""Bytes of a file that is taken."""
_ALL: Final = 512 << 20
"""Bytes of all files that are taken."""


class SkillOptFolder(NamedTuple):
    """An output folder."""

    name: str
    files: Mapping[str, bytes]
    """As they were, by path below the folder."""
    left_out: tuple[ImportOmission, ...]
    """Files that are links, too large, or cannot be read."""


def is_output(folder: Path) -> bool:
    """Say whether a folder looks like one that SkillOpt trained into."""
    return any((folder / name).is_file() for name in (HISTORY, INITIAL)) or any(
        (folder / STEPS).glob(f"step_*/{RECORD}")
    )


def read_folder(folder: Path) -> SkillOptFolder:
    """Read an output folder. Blocking. Links are not followed, and hidden files are not looked at."""
    files: dict[str, bytes] = {}
    left_out: list[ImportOmission] = []
    room = _ALL
    for path in _paths(folder):
        name = path.relative_to(folder).as_posix()
        problem, remedy = _why_not(path, folder, room)
        if not problem:
            try:
                files[name] = path.read_bytes()
                room -= len(files[name])
            except OSError as error:
                problem, remedy = f"it cannot be read ({error.strerror or error})", "make it readable"
        if problem:
            left_out.append(ImportOmission(name if name.isprintable() else ascii(name), problem, remedy))
    return SkillOptFolder(folder.resolve().name, files, tuple(left_out))


def _paths(folder: Path) -> Iterator[Path]:
    """List files and links to folders, by name."""
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        links = [each for each in folders if (Path(at) / each).is_symlink()]
        yield from (Path(at) / each for each in sorted((*names, *links)) if not each.startswith("."))


def _why_not(path: Path, folder: Path, room: int) -> tuple[str, str]:
    """Say why a file is not taken, and what would do. Empty: it is."""
    if not _encodable(path.relative_to(folder).as_posix()):
        return "its name is no UTF-8", "rename it"
    if path.is_symlink() and (path.is_dir() or not path.exists() or leads_out(path, folder)):
        return "is a link that leads to no file of the folder", "copy what it leads to there"
    if not path.is_file():
        return "is no regular file", "remove it"
    size = path.stat().st_size
    if size > _LARGEST:
        return f"is larger than {_LARGEST >> 20} MiB", "keep it elsewhere"
    if size > room:
        return f"the files before it have {_ALL >> 20} MiB together", "move what is not needed elsewhere"
    return "", ""


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
