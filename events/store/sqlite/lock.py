"""One process at a time writes to a file: an advisory lock beside it (``docs/decisions/0002``)."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from events.errors import LogLocked, LogNotOurs

_FIRST_PAUSE_S = 0.000_2
_LONGEST_PAUSE_S = 0.005
_LONGEST_NOTE = 128


class FileLock:
    """Held around each write transaction, each checkpoint, and opening and closing for writing.

    Waiting is fair between processes: whoever waits for the lock holds the queue meanwhile, so that a busy
    writer, which comes back at once, finds itself behind it. Waiting is by asking again, since flock knows no
    deadline, and it blocks: take it on the thread of a connection, never on the event loop.
    """

    def __init__(self, path: Path, patience_s: float) -> None:
        """Name the lock of a file; nothing is opened before it is first taken.

        Args:
            path: The file, with no symbolic link in it: whatever a file is called, it has one lock.
            patience_s: Seconds to wait for others.
        """
        self._path = path
        self._patience_s = patience_s
        self._files: tuple[_LockFile, _LockFile] | None = None

    def __enter__(self) -> None:
        deadline = time.monotonic() + self._patience_s
        while True:
            queue, lock = self._files = self._files or (self._open("-queue"), self._open("-writer"))
            self._take(queue, deadline)
            try:
                self._take(lock, deadline)
            finally:
                fcntl.flock(queue.number, fcntl.LOCK_UN)
            # Deleted, they would be made anew by others, who then hold other locks of the same names. If the log is
            # gone too, there is nothing to lock any more, and whoever writes is told so.
            if (queue.stands and lock.stands) or not self._path.exists():
                return
            self.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._files is not None
        fcntl.flock(self._files[1].number, fcntl.LOCK_UN)

    def note(self) -> bytes:
        """Read what whoever held the lock left for others who hold it: a line in its file."""
        assert self._files is not None
        return os.pread(self._files[1].number, _LONGEST_NOTE, 0)

    def leave(self, note: bytes) -> None:
        """Leave word for others who hold the lock: one line of at most 127 bytes."""
        assert self._files is not None
        # Of one length, so that none is a mixture of two.
        os.pwrite(self._files[1].number, note.ljust(_LONGEST_NOTE - 1) + b"\n", 0)

    def close(self) -> None:
        """Close the files. They stay: removing them would let two processes hold two locks of the same name."""
        files, self._files = self._files or (), None
        for file in files:
            os.close(file.number)

    def _open(self, suffix: str) -> "_LockFile":
        path = f"{self._path}{suffix}"
        try:
            number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise LogNotOurs(str(self._path), f"the lock beside it cannot be made: {error.strerror}") from error
        made = os.fstat(number)
        return _LockFile(path, number, (made.st_dev, made.st_ino))

    def _take(self, file: "_LockFile", deadline: float) -> None:
        """Lock a file, asking again until the deadline."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                fcntl.flock(file.number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LogLocked(str(self._path), self._patience_s) from None
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                return


class _LockFile(NamedTuple):
    """A file that is locked, opened."""

    path: str
    number: int
    """Its descriptor."""
    identity: tuple[int, int]

    @property
    def stands(self) -> bool:
        """Whether its name still stands for it."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - at each transaction; a Path takes ten times as long
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self.identity
