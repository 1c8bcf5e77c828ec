"""One process at a time writes to a file: an advisory lock beside it (``docs/decisions/0002``)."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from events.log_errors import LogLocked, LogNotOurs

_FIRST_PAUSE_S = 0.000_2
_LONGEST_PAUSE_S = 0.005


class FileLock:
    """Held around each write transaction, each checkpoint, and opening and closing for writing.

    Waiting is fair between processes: whoever waits for the lock holds the queue meanwhile, so that a busy
    writer, which comes back at once, finds itself behind it. Waiting is by asking again, since flock knows no
    deadline, and it blocks: take it on the thread of a connection, never on the event loop.
    """

    def __init__(self, path: Path, patience_s: float) -> None:
        """Name the lock of a file; nothing is opened before it is first taken."""
        self._path = path
        self._patience_s = patience_s
        self._files: tuple[int, int] | None = None

    def __enter__(self) -> None:
        if self._files is None:
            self._files = self._open("-queue"), self._open("-writer")
        queue, lock = self._files
        deadline = time.monotonic() + self._patience_s
        self._take(queue, deadline)
        try:
            self._take(lock, deadline)
        finally:
            fcntl.flock(queue, fcntl.LOCK_UN)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._files is not None
        fcntl.flock(self._files[1], fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the files. They stay: removing them would let two processes hold two locks of the same name."""
        files, self._files = self._files or (), None
        for file in files:
            os.close(file)

    def _open(self, suffix: str) -> int:
        try:
            return os.open(f"{self._path}{suffix}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise LogNotOurs(str(self._path), f"the lock beside it cannot be made: {error.strerror}") from error

    def _take(self, file: int, deadline: float) -> None:
        """Lock a file, asking again until the deadline."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LogLocked(str(self._path), self._patience_s) from None
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                return
