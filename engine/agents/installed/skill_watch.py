"""Skills an agent is given: copied for each attempt, and watched, so that what was read is known from the kernel.

Each attempt has a copy of its own, mounted read-only in its sandbox. The kernel tells of every opening and reading of
its files, through whichever mount (inotify), so an agent that never looked has touched nothing, and that can be shown.
"""

import ctypes
import os
import shutil
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from events.types.agent import SkillRead

_ACCESS: Final = 0x001
_OPEN: Final = 0x020
_FOLDER: Final = 0x4000_0000
_OVERFLOW: Final = 0x4000
_HEAD: Final = struct.Struct("iIII")
_READ_BYTES: Final = 1 << 20


class WatchLost(Exception):
    """The kernel told more than it kept, or cannot watch: what was read is not known."""


class SkillWatch:
    """Counts who opens and reads the files below a folder, from now on."""

    def __init__(self, folder: Path) -> None:
        """Begin to watch.

        Raises:
            WatchLost: The kernel cannot.
        """
        self._folder = folder
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise WatchLost(os.strerror(ctypes.get_errno()))
        self._watched: dict[int, Path] = {}
        for path in (folder, *sorted(each for each in folder.rglob("*") if each.is_dir())):
            watch = self._libc.inotify_add_watch(self._descriptor, os.fsencode(path), _ACCESS | _OPEN)
            if watch < 0:
                os.close(self._descriptor)
                raise WatchLost(os.strerror(ctypes.get_errno()))
            self._watched[watch] = path
        self._opened: Counter[str] = Counter()
        self._read: Counter[str] = Counter()

    def reads(self) -> tuple[SkillRead, ...]:
        """Say which files were touched so far, by name.

        Raises:
            WatchLost: More was told than the kernel kept.
        """
        while data := self._next():
            self._count(data)
        names = sorted(self._opened.keys() | self._read.keys())
        return tuple(SkillRead(name, self._opened[name], self._read[name]) for name in names)

    def close(self) -> None:
        """Watch no more."""
        os.close(self._descriptor)

    def _next(self) -> bytes:
        try:
            return os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return b""

    def _count(self, data: bytes) -> None:
        place = 0
        while place < len(data):
            watch, mask, _, length = _HEAD.unpack_from(data, place)
            raw = data[place + _HEAD.size : place + _HEAD.size + length]
            place += _HEAD.size + length
            if mask & _OVERFLOW:
                raise WatchLost("more was read than the kernel kept count of")
            if mask & _FOLDER or watch not in self._watched or not raw.rstrip(b"\0"):
                continue
            path = self._watched[watch] / os.fsdecode(raw.rstrip(b"\0"))
            counter = self._read if mask & _ACCESS else self._opened
            counter[path.relative_to(self._folder).as_posix()] += 1


class SkillFolder:
    """The folder of skills that one attempt sees. It is shown to the agent, and empty while a verifier runs."""

    def __init__(self, folder: Path, files: Mapping[str, bytes]) -> None:
        """Show it, and watch who reads it.

        Args:
            folder: To be made, in a folder that is there.
            files: Bytes by path below it.

        Raises:
            OSError: There is no room for it.
            WatchLost: The kernel cannot watch it.
        """
        self._folder = folder
        self._files = files
        self._watch: SkillWatch | None = None
        self._lost: WatchLost | None = None
        self._before: tuple[SkillRead, ...] = ()
        """What was touched while files lay there that were taken away since."""
        self._told: tuple[SkillRead, ...] = ()
        folder.mkdir()
        folder.chmod(0o755)
        self.show()

    def show(self) -> None:
        """Lay the files out, unless they are."""
        if self._watch is None:
            copy_skills(self._files, self._folder)
            self._watch = SkillWatch(self._folder)

    def hide(self) -> None:
        """Take the files away. The folder stays, since a sandbox has it mounted."""
        self.close()
        for entry in self._folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def reads(self) -> tuple[SkillRead, ...]:
        """Say which files were touched so far, by name.

        Raises:
            WatchLost: More was told than the kernel kept.
        """
        if self._lost is not None:
            raise self._lost
        try:
            now = () if self._watch is None else self._watch.reads()
        except WatchLost as error:
            self._lost = error
            raise
        return _added([*self._before, *now])

    def news(self) -> tuple[SkillRead, ...] | None:
        """Say which files were touched since this was asked last. None: nobody can know."""
        try:
            now = self.reads()
        except WatchLost:
            return None
        gone = [SkillRead(each.name, -each.opened, -each.read) for each in self._told]
        self._told = now
        return tuple(each for each in _added([*now, *gone]) if each.opened or each.read)

    def close(self) -> None:
        """Watch no more; what was read until now stays known."""
        if self._watch is None:
            return
        with suppress(WatchLost):
            self._before = self.reads()
        self._watch.close()
        self._watch = None


def _added(reads: Iterable[SkillRead]) -> tuple[SkillRead, ...]:
    """Add up what was touched, by name."""
    opened: Counter[str] = Counter()
    read: Counter[str] = Counter()
    for each in reads:
        opened[each.name] += each.opened
        read[each.name] += each.read
    return tuple(SkillRead(name, opened[name], read[name]) for name in sorted(opened))


def copy_skills(files: Mapping[str, bytes], target: Path) -> None:
    """Write skills into a folder that everybody in the sandbox may read.

    Args:
        files: Bytes by path below the folder.
        target: The folder; made, unless it is there.
    """
    target.mkdir(exist_ok=True)
    target.chmod(0o755)
    for name, data in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o644)
    for folder in (each for each in target.rglob("*") if each.is_dir()):
        folder.chmod(0o755)
