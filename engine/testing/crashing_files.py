"""A folder of skills that dies at a chosen operation, to show that an adoption is whole or was never there."""

from collections.abc import Callable

from engine.adoption.operations import FileOperations, Kind, LockHeld
from engine.adoption.tree import FolderTree
from engine.testing.fault_injection import CrashPoint, CrashSchedule


class CrashingOperations:
    """Operations that are ended by death: before one, after it, or with half a file written."""

    def __init__(self, files: FileOperations, fate: CrashSchedule) -> None:
        self._files = files
        self._fate = fate

    @property
    def place(self) -> str:
        """See `FileOperations`."""
        return self._files.place

    def lock(self) -> LockHeld:
        """See `FileOperations`."""
        return self._files.lock()

    def kind(self, path: str) -> Kind:
        """See `FileOperations`."""
        self._fate.breathe()
        return self._files.kind(path)

    def scan(self, path: str) -> FolderTree | None:
        """See `FileOperations`."""
        self._fate.breathe()
        return self._files.scan(path)

    def read(self, path: str) -> bytes:
        """See `FileOperations`."""
        self._fate.breathe()
        return self._files.read(path)

    def names(self, path: str) -> list[str]:
        """See `FileOperations`."""
        self._fate.breathe()
        return self._files.names(path)

    def make_folder(self, path: str, mode: int) -> None:
        """See `FileOperations`."""
        self._do("make_folder", path, lambda: self._files.make_folder(path, mode))

    def set_mode(self, path: str, mode: int) -> None:
        """See `FileOperations`."""
        self._do("set_mode", path, lambda: self._files.set_mode(path, mode))

    def write(self, path: str, data: bytes, mode: int) -> None:
        """See `FileOperations`."""
        self._fate.meet(CrashPoint("before", "file", path, "write"))
        half = CrashPoint("during", "file", path, "write")
        if self._fate.is_next:
            self._files.write(path, data[: len(data) // 2], mode)
        self._fate.meet(half)
        self._files.write(path, data, mode)
        self._fate.meet(CrashPoint("after", "file", path, "write"))

    def replace(self, path: str, to: str) -> None:
        """See `FileOperations`."""
        self._do("replace", to, lambda: self._files.replace(path, to))

    def move(self, path: str, to: str) -> None:
        """See `FileOperations`."""
        self._do("move", to, lambda: self._files.move(path, to))

    def swap(self, path: str, other: str) -> None:
        """See `FileOperations`."""
        self._do("swap", other, lambda: self._files.swap(path, other))

    def unlink(self, path: str) -> None:
        """See `FileOperations`."""
        self._do("unlink", path, lambda: self._files.unlink(path))

    def remove_folder(self, path: str) -> None:
        """See `FileOperations`."""
        self._do("remove_folder", path, lambda: self._files.remove_folder(path))

    def sync(self, path: str) -> None:
        """See `FileOperations`."""
        self._fate.breathe()
        self._files.sync(path)

    def _do(self, what: str, path: str, operation: Callable[[], None]) -> None:
        self._fate.meet(CrashPoint("before", "file", path, what))
        operation()
        self._fate.meet(CrashPoint("after", "file", path, what))
