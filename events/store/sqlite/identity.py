"""Whether the file that a log is written to is still the one that its name stands for, and where it went if not.

SQLite goes on writing to a file that was deleted or moved, and says nothing (seen in a test: a run ended *done*, and
its log was gone). So the names are looked at under the lock, before each transaction.
"""

import os
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from events.errors import LogLinked, LogLost, LogNotOurs
from events.store.sqlite.lock import FileLock

COMPANIONS: Final = ("-wal", "-shm")
"""What SQLite keeps beside the file. Deleted, another process makes new ones, and the two write past each other."""


class Known(NamedTuple):
    """The last event that is known to be in the file."""

    position: int
    """0: none is."""
    digest: bytes


class _Content(NamedTuple):
    """What changes when a file's bytes do."""

    size: int
    mtime_ns: int


class FileIdentity:
    """The files of an open log. Every method is called with the lock held, on the writing connection's thread."""

    def __init__(self, path: Path, lock: FileLock, clock: Callable[[], int]) -> None:
        """Take note of the files as they are now, with the connection open.

        Args:
            path: The log's file, with no symbolic link in it.
            lock: Of that file.
            clock: Says the time, for the name of what is saved.

        Raises:
            LogLinked: The file has several names.
            LogNotOurs: It is gone.
        """
        self._path = path
        self._lock = lock
        self._clock = clock
        self._loss: LogLost | None = None
        self.wrote = False
        """Whether anything was written here: then it is saved if the file is deleted."""
        self.overwritten = False
        """Whether the bytes in the file are somebody else's: then nothing may be written to it any more."""
        self._name = str(path)
        self._wal, self._shm = (f"{path}{suffix}" for suffix in COMPANIONS)
        main, wal, shm = map(_look, (self._name, self._wal, self._shm))
        if main is None:
            raise LogNotOurs(str(path), "it was taken away while it was opened")
        refuse_links(path, main)
        self._mode = main.st_mode & 0o777
        self._main, self._beside = _identity(main), (_identity(wal), _identity(shm))
        self._content, self._unmoved = _content(main), _size(wal)
        self._serial = self._note()[0]

    def check(self, file: sqlite3.Connection, known: Known) -> None:
        """See that what was written is still where its name says.

        Args:
            file: The writing connection.
            known: What must be in the file.

        Raises:
            LogLost: It is not. What can be saved was saved, once.
        """
        if self._loss is None:
            self._loss = self._find_loss(file, known)
        if self._loss is not None:
            raise LogLost(self._loss.path, self._loss.why, self._loss.remedy)

    def check_end(self, file: sqlite3.Connection, known: Known) -> None:
        """See that a file that ends elsewhere than was thought has grown, and that nothing was taken back.

        Raises:
            LogLost: Something was.
        """
        if not _holds(file, known):
            self._loss = self._spoilt()
            raise self._loss

    def changed_by_us(self) -> None:
        """Take note that the file was changed on purpose, and leave word of it for other processes of ours."""
        if self._loss is not None:
            return
        # Untold, others look into the file themselves: slower, and as safe.
        before, main = self._content, _look(self._name)
        if main is not None:
            self._content, self._unmoved = _content(main), _size(_look(self._wal))
            self._serial = self._note()[0] + 1
            with suppress(OSError):
                self._lock.leave(" ".join(map(str, (self._serial, *before, *self._content))).encode())

    def _find_loss(self, file: sqlite3.Connection, known: Known) -> LogLost | None:
        main, wal, shm = _look(self._name), _look(self._wal), _look(self._shm)
        if main is None or _identity(main) != self._main:
            return self._displaced(file)
        content, unmoved = _content(main), _size(wal)
        if (_identity(wal), _identity(shm)) != self._beside:
            return self._cut_loose() if content == self._content else self._spoilt()
        explained = (content == self._content and unmoved >= self._unmoved) or self._told(content)
        # To look into an empty file has SQLite delete the write-ahead log beside it.
        if not explained and (content.size == 0 or not self._holds(known)):
            return self._spoilt()
        self._content, self._unmoved = content, unmoved
        return None

    def _cut_loose(self) -> LogLost:
        beside = zip((self._wal, self._shm), self._beside, strict=True)
        gone = " and ".join(name for name, identity in beside if _identity(_look(name)) != identity)
        return LogLost(
            self._name,
            f"{gone} was deleted or replaced while it was in use",
            f"everything recorded is moved into {self._path} as this process ends: look with `stillroom log verify`, "
            "then `stillroom resume`; leave what stands beside a log alone while it is in use",
        )

    def _told(self, content: _Content) -> bool:
        """Say whether another process of ours has left word that it made just this change, and it alone."""
        serial, *noted = self._note()
        alone, self._serial = serial == self._serial + 1, serial
        return alone and noted == [*self._content, *content]

    def _holds(self, known: Known) -> bool:
        """Look into the file with new eyes: the writing connection sees pages that it remembers."""
        uri = f"file:{quote(str(self._path))}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as look:
                (found,) = look.execute("PRAGMA integrity_check(1)").fetchone()
                (gaps,) = look.execute("SELECT coalesce(max(position), 0) - count(*) FROM events").fetchone()
                return found == "ok" and gaps == 0 and _holds(look, known)
        except sqlite3.DatabaseError:
            return False

    def _spoilt(self) -> LogLost:
        """Put the write-ahead log aside, so that nobody mixes it into what stands in the file now."""
        self.overwritten = True
        aside = Path(f"{self._path}-wal.{self._clock()}")
        with suppress(OSError):
            Path(f"{self._path}-wal").rename(aside)
        return LogLost(
            self._name,
            "its bytes were overwritten or cut off while it was in use",
            "restore it from a copy; what this process recorded last and had not moved into the file yet stands in "
            f"{aside}; then `stillroom resume`",
        )

    def _displaced(self, file: sqlite3.Connection) -> LogLost:
        """Find a file that has lost its name."""
        instead = "another file replaced it" if self._path.exists() else "the file no longer exists"
        if (where := _whereabouts(self._main)) is not None:
            return LogLost(
                self._name,
                f"it was moved away while it was in use, to {where}; {instead}",
                f"move it back, or use `--log {where}`, then `stillroom resume`",
            )
        why = f"it was deleted or replaced while it was in use; {instead}"
        saved = self._save(file) if self.wrote else None
        if saved is None:
            return LogLost(self._name, why, "restore it from a copy: what was recorded could not be saved anywhere")
        return LogLost(
            self._name,
            why,
            f"all recorded events were saved as {saved}: move it to where the log was, or name it with "
            f"`--log {saved}`, then `stillroom resume`",
        )

    def _save(self, file: sqlite3.Connection) -> Path | None:
        """Write what a deleted file holds into a new one, as near to where it was as can be."""
        for folder in (*self._path.parents, Path(tempfile.gettempdir())):
            target = folder / f"{self._path.name}.saved-{self._clock()}"
            if not folder.is_dir() or target.exists():
                continue
            try:
                target.touch(self._mode)
                with closing(sqlite3.connect(target)) as copy:
                    file.backup(copy)
            except (OSError, sqlite3.Error):
                with suppress(OSError):
                    target.unlink()
            else:
                return target
        return None

    def _note(self) -> tuple[int, ...]:
        """Read which change was noted last: its number, and the content before and after it."""
        try:
            return tuple(map(int, self._lock.note().split())) or (0,)
        except ValueError:
            return (0,)


def _holds(file: sqlite3.Connection, known: Known) -> bool:
    found = file.execute("SELECT digest FROM events WHERE position = ?", (known.position,)).fetchone()
    return known.position == 0 or (found is not None and found[0] == known.digest)


def refuse_links(path: Path, found: os.stat_result) -> None:
    """Refuse a file with several names: SQLite keeps a write-ahead log for each of them, and they know nothing of it.

    Raises:
        LogLinked: It has.
    """
    if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
        raise LogLinked(str(path), found.st_nlink)


def _look(name: str) -> os.stat_result | None:
    try:
        return os.stat(name)  # noqa: PTH116 - at each transaction; a Path takes ten times as long
    except OSError:
        return None


def _identity(found: os.stat_result | None) -> tuple[int, int] | None:
    return None if found is None else (found.st_dev, found.st_ino)


def _content(found: os.stat_result) -> _Content:
    return _Content(found.st_size, found.st_mtime_ns)


def _size(found: os.stat_result | None) -> int:
    return 0 if found is None else found.st_size


def _whereabouts(identity: tuple[int, int] | None) -> Path | None:
    """Find the name that a file open in this process has now. None: it has none, or the system does not say."""
    for link in _open_files():
        with suppress(OSError):
            where = Path(link.readlink())
            if identity == _identity(_look(str(link))) == _identity(_look(str(where))):
                return where
    return None


def _open_files() -> Iterator[Path]:
    with suppress(OSError):
        yield from Path("/proc/self/fd").iterdir()
