"""Scratch folders: one per sandbox, marked as ours, found again after a crash.

A folder without our marker is never touched, whatever its name and wherever it lies.
"""

import os
import re
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from events.digest import digest_of
from sandbox.errors import SandboxUnavailable

MARKER: Final = ".stillroom-sandbox"
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]+")
_READABLE: Final = 48
_BLOCK: Final = 512
"""Bytes in the unit in which a file's size on the disk is told, whatever the file system."""


class Scratch:
    """The folder of one sandbox on the host. ``root`` becomes the sandbox's file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.etc = folder / "etc"
        self.kept = folder / "kept"
        """A copy of ``root``, if one was asked for."""


def folder_name(sandbox: str) -> str:
    """A portable name derived from the id: readable at first, unique at the end."""
    return f"{_UNFIT.sub('-', sandbox).strip('-.')[-_READABLE:]}-{digest_of(sandbox.encode())[:12]}"


def make(workspace: Path, sandbox: str, session: int | None = None) -> Scratch:
    """Make the folder of a new sandbox. Its marker comes first, so that a crash leaves nothing unmarked.

    Args:
        workspace: Where all of them are.
        sandbox: Its id, which the marker holds.
        session: See `SandboxSpec`. A process that takes a run over may rebuild a sandbox while the process from which
            the run is taken still has its own, and must not find its folder removed by that.

    Raises:
        SandboxUnavailable: It exists, or the disk refuses.
    """
    folder = workspace.resolve() / folder_name(sandbox if session is None else f"{sandbox}/s{session}")
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        (folder / MARKER).write_text(f"{sandbox}\n", encoding="utf-8")
        scratch = Scratch(folder)
        scratch.root.mkdir(mode=0o755)
        scratch.etc.mkdir(mode=0o755)
    except FileExistsError as error:
        raise SandboxUnavailable(
            sandbox,
            f"{folder} exists: a sandbox of this id is open, or a crash left it",
            remedy="close that sandbox, or sweep the workspace (`stillroom gc`)",
        ) from error
    except OSError as error:
        raise SandboxUnavailable(
            sandbox, str(error), remedy="check the disk and the permissions of the workspace"
        ) from error
    return scratch


def leftovers(workspace: Path) -> tuple[Path, ...]:
    """Marked folders in a workspace, sorted: those of open sandboxes, and what a crash left."""
    if not workspace.is_dir():
        return ()
    return tuple(sorted(each for each in workspace.iterdir() if _is_ours(each)))


def sweep(workspace: Path, which: Callable[[str], bool]) -> tuple[Path, ...]:
    """Remove the marked folders of these sandboxes, by their ids, and return them.

    Only where none of these sandboxes is open.
    """
    found = tuple(folder for folder in leftovers(workspace) if which(_id_of(folder)))
    for folder in found:
        remove(folder)
    return found


def clear(folder: Path) -> None:
    """Remove all that is in a folder of a sandbox, also where an agent took away its own rights; none need be there."""
    if not folder.is_dir():
        return
    for path, folders, _ in os.walk(folder):
        for name in folders:
            _unlock(os.path.join(path, name))  # noqa: PTH118 - an agent's names may be no valid text
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def remove(folder: Path) -> None:
    """Remove a marked folder, also where an agent took away its own rights; links are not followed.

    The marker goes last: interrupted, the rest can still be found. Two processes may do it at once, such as one that
    takes a run over and the one it is taken from: each goes on with what is left.
    """
    while _is_ours(folder):
        with suppress(FileNotFoundError):
            _remove(folder)


def _remove(folder: Path) -> None:
    for path, folders, _ in os.walk(folder):
        for name in folders:
            _unlock(os.path.join(path, name))  # noqa: PTH118 - an agent's names may be no valid text
    for entry in folder.iterdir():
        if entry.name != MARKER:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    (folder / MARKER).unlink()
    folder.rmdir()


def _is_ours(folder: Path) -> bool:
    return not folder.is_symlink() and (folder / MARKER).is_file()


def _id_of(folder: Path) -> str:
    """Read whose folder it is; a marker that was not written to its end names nobody in particular."""
    return (folder / MARKER).read_text(encoding="utf-8", errors="replace").strip()


def _unlock(path: str) -> None:
    """Make a folder enterable before the walk goes down; a link stays as it is."""
    mode = os.lstat(path).st_mode
    if stat.S_ISDIR(mode) and (mode & 0o700) != 0o700:
        os.chmod(path, 0o700)  # noqa: PTH101 - as above


def size_of(folder: Path) -> int:
    """Add up what the files below a folder take on the disk, in bytes; what goes meanwhile is not counted.

    Links are not followed, and a file with several names counts for each: more is said than there is, never less.
    """
    total, waiting = 0, [folder]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as found:
            for each in found:
                with suppress(OSError):
                    total += each.stat(follow_symlinks=False).st_blocks * _BLOCK
                    if each.is_dir(follow_symlinks=False):
                        waiting.append(Path(each.path))
    return total
