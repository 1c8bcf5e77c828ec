"""What an adoption does to a folder of skills, one operation at a time; no link is followed below that folder.

Each operation that writes happens whole; only `write` may leave part of a new file. An adoption is made so that a
process may end before, in, or after any of them.
"""

import ctypes
import errno
import fcntl
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

from engine.adoption.errors import DirectoryLocked, TargetUnusable
from engine.adoption.tree import FolderTree, TreeFile
from events.digest import Digest

Kind: TypeAlias = Literal["absent", "folder", "file", "link", "other"]
_CHUNK: Final = 1024 * 1024
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LINUX_NOREPLACE, _LINUX_EXCHANGE = 1, 2
_MACOS_SWAP, _MACOS_EXCL = 2, 4
_NO_SWAP: Final = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}


class FileOperations(Protocol):
    """A folder of skills. Paths are below it, with ``/``; the empty path is the folder itself."""

    @property
    def place(self) -> str:
        """Where the folder is, for people."""
        ...

    def lock(self) -> "LockHeld":
        """Keep other processes from adopting into this folder.

        Raises:
            DirectoryLocked: One does.
        """
        ...

    def kind(self, path: str) -> Kind:
        """Say what stands at a path; a link is a link, wherever it leads."""
        ...

    def scan(self, path: str) -> FolderTree | None:
        """Read all of a folder. None: nothing stands there.

        Raises:
            TargetUnusable: Something stands there that is no folder.
        """
        ...

    def read(self, path: str) -> bytes:
        """Read a file."""
        ...

    def names(self, path: str) -> list[str]:
        """List what stands in a folder, sorted."""
        ...

    def make_folder(self, path: str, mode: int) -> None:
        """Make a folder with these permission bits."""
        ...

    def set_mode(self, path: str, mode: int) -> None:
        """Give a folder these permission bits."""
        ...

    def write(self, path: str, data: bytes, mode: int) -> None:
        """Write a new file with these permission bits, down to the disk."""
        ...

    def replace(self, path: str, to: str) -> None:
        """Move a file to where another may stand, in one step."""
        ...

    def move(self, path: str, to: str) -> None:
        """Move a folder to where nothing stands, in one step."""
        ...

    def swap(self, path: str, other: str) -> None:
        """Exchange two folders in one step.

        Raises:
            TargetUnusable: This file system cannot.
        """
        ...

    def unlink(self, path: str) -> None:
        """Remove what is no folder."""
        ...

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        ...

    def sync(self, path: str) -> None:
        """Bring the names in a folder down to the disk."""
        ...


class LockHeld:
    """A lock on a folder of skills; it ends with the block, or with the process."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> None:
        """Hold it."""

    def __exit__(self, *_: object) -> None:
        """Let go of it."""
        os.close(self._fd)


class DiskOperations:
    """A folder on a disk."""

    def __init__(self, folder: Path) -> None:
        """Open it.

        Args:
            folder: Which must be there; a link to it is followed, as whoever typed it meant the folder.

        Raises:
            TargetUnusable: It is no folder, or cannot be read.
        """
        self._folder = folder.resolve()
        try:
            self._root = os.open(self._folder, _FOLDER)
        except OSError as error:
            why = f"cannot be used: {error.strerror}"
            raise TargetUnusable(str(folder), why, "create it, or name a folder that you may write to") from error

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._root)

    @property
    def place(self) -> str:
        """See `FileOperations`."""
        return str(self._folder)

    def lock(self) -> LockHeld:
        """See `FileOperations`."""
        # The folder itself is locked, so that no file is made and none has to be removed.
        fd = os.open(self._folder, _FOLDER)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise DirectoryLocked(self.place) from None
        return LockHeld(fd)

    def kind(self, path: str) -> Kind:
        """See `FileOperations`."""
        try:
            with self._parent(path) as (fd, name):
                return _kind(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            return "absent"

    def scan(self, path: str) -> FolderTree | None:
        """See `FileOperations`."""
        found = self.kind(path)
        if found == "absent":
            return None
        if found != "folder":
            what = "is a link" if found == "link" else "is no folder"
            remedy = "an adoption follows no link and writes over no file: move it away"
            raise TargetUnusable(f"{self.place}/{path}", what, remedy)
        files: dict[str, TreeFile] = {}
        folders: dict[str, int] = {}
        others: dict[str, str] = {}
        with self._opened(path) as fd:
            _scan(fd, "", (files, folders, others))
        return FolderTree(files, folders, others)

    def read(self, path: str) -> bytes:
        """See `FileOperations`."""
        with self._parent(path) as (fd, name):
            opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            with os.fdopen(opened, "rb") as file:
                return file.read()

    def names(self, path: str) -> list[str]:
        """See `FileOperations`."""
        with self._opened(path) as fd, os.scandir(fd) as found:
            return sorted(each.name for each in found)

    def make_folder(self, path: str, mode: int) -> None:
        """See `FileOperations`."""
        with self._parent(path) as (fd, name):
            os.mkdir(name, dir_fd=fd)
        self.set_mode(path, mode)

    def set_mode(self, path: str, mode: int) -> None:
        """See `FileOperations`."""
        with self._parent(path) as (fd, name):
            os.chmod(name, mode, dir_fd=fd)

    def write(self, path: str, data: bytes, mode: int) -> None:
        """See `FileOperations`."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._parent(path) as (fd, name), os.fdopen(os.open(name, flags, 0o600, dir_fd=fd), "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())

    def replace(self, path: str, to: str) -> None:
        """See `FileOperations`."""
        with self._parent(path) as (fd, name), self._parent(to) as (target, new):
            os.replace(name, new, src_dir_fd=fd, dst_dir_fd=target)

    def move(self, path: str, to: str) -> None:
        """See `FileOperations`."""
        self._rename(path, to, _MACOS_EXCL if sys.platform == "darwin" else _LINUX_NOREPLACE)

    def swap(self, path: str, other: str) -> None:
        """See `FileOperations`."""
        try:
            self._rename(path, other, _MACOS_SWAP if sys.platform == "darwin" else _LINUX_EXCHANGE)
        except OSError as error:
            if error.errno in _NO_SWAP:
                raise _unable(self.place) from error
            raise

    def unlink(self, path: str) -> None:
        """See `FileOperations`."""
        with self._parent(path) as (fd, name):
            os.unlink(name, dir_fd=fd)

    def remove_folder(self, path: str) -> None:
        """See `FileOperations`."""
        with self._parent(path) as (fd, name):
            os.rmdir(name, dir_fd=fd)

    def sync(self, path: str) -> None:
        """See `FileOperations`."""
        with self._opened(path) as fd, suppress(OSError):
            os.fsync(fd)  # some file systems cannot, and need not

    def _rename(self, path: str, to: str, flags: int) -> None:
        with self._parent(path) as (fd, name), self._parent(to) as (target, new):
            if _rename_call()(fd, os.fsencode(name), target, os.fsencode(new), flags) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number), f"{self.place}/{to}")

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        """Open a folder, step by step: none of the steps may be a link."""
        fd = os.dup(self._root)
        try:
            for part in path.split("/") if path else ():
                inner = os.open(part, _FOLDER, dir_fd=fd)
                os.close(fd)
                fd = inner
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        folder, _, name = path.rpartition("/")
        with self._opened(folder) as fd:
            yield fd, name


def _kind(mode: int) -> Kind:
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISREG(mode):
        return "file"
    return "link" if stat.S_ISLNK(mode) else "other"


def _scan(fd: int, path: str, into: tuple[dict[str, TreeFile], dict[str, int], dict[str, str]]) -> None:
    files, folders, others = into
    folders[path] = stat.S_IMODE(os.fstat(fd).st_mode)
    for name in sorted(os.listdir(fd)):
        below = f"{path}/{name}" if path else name
        kind = _kind(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
        if kind == "folder":
            inner = os.open(name, _FOLDER, dir_fd=fd)
            try:
                _scan(inner, below, into)
            finally:
                os.close(inner)
        elif kind == "file":
            files[below] = _file(fd, name)
        else:
            others[below] = kind


def _file(fd: int, name: str) -> TreeFile:
    opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    with os.fdopen(opened, "rb") as file:
        summed = sha256()
        while part := file.read(_CHUNK):
            summed.update(part)
        return TreeFile(Digest(summed.hexdigest()), stat.S_IMODE(os.fstat(file.fileno()).st_mode))


@cache
def _rename_call() -> "ctypes._NamedFuncPointer":
    """Find the system's rename that takes flags: Python has none that exchanges, or that never writes over."""
    library = ctypes.CDLL(None, use_errno=True)
    name = "renameatx_np" if sys.platform == "darwin" else "renameat2"
    try:
        found = library[name]
    except AttributeError as error:
        raise OSError(errno.ENOSYS, f"no {name}") from error
    found.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    found.restype = ctypes.c_int
    return found


def _unable(place: str) -> TargetUnusable:
    remedy = (
        "take the adopted skill back with `skills rollback`, or move the folder away; then adopt into its free place"
    )
    return TargetUnusable(place, "is on a file system that cannot exchange two folders in one step", remedy)
