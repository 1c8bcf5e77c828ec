"""What an import leaves out: by name, with reason and remedy, so that one odd file costs no more than itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final, Generic, NamedTuple, TypeVar

from engine.core.errors import EngineError
from events.errors import ExitCode, StillroomError

_SHOWN: Final = 5
"""Of what was left out, that an error lists."""
_MAGIC: Final = {
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
}
_TAR_AT: Final = 257
_T = TypeVar("_T")


class ImportOmission(NamedTuple):
    """Something that was meant and is not in the log."""

    name: str
    """Path below what was given."""
    problem: str
    remedy: str

    @property
    def said(self) -> str:
        """As one line."""
        return f"{self.name}: {self.problem}"


class Imports(NamedTuple, Generic[_T]):
    """What came of an import."""

    found: tuple[_T, ...]
    """What is in the log now, whether it was before or not."""
    left_out: tuple[ImportOmission, ...]
    """What is not."""


class NothingImported(EngineError):
    """Raised when all that could be meant had to be left out.

    Attributes:
        left_out: Each with its reason.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, path: Path, left_out: tuple[ImportOmission, ...], wanted: str) -> None:
        more = len(left_out) - _SHOWN
        said = "; ".join(each.said for each in left_out[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        super().__init__(
            f"nothing of {path} can be imported: {said}",
            remedy=f"{left_out[0].remedy}; give {wanted}; nothing was imported",
        )
        self.left_out = left_out


def of_error(name: str, error: StillroomError | OSError) -> ImportOmission:
    """Tell why something is left out by the error that it led to."""
    if isinstance(error, StillroomError):
        return ImportOmission(name, error.problem, error.remedy.removesuffix("; nothing was imported"))
    return ImportOmission(name, f"it cannot be read ({error.strerror or error})", "make it readable")


def why_no_folder(path: Path) -> tuple[str, str]:
    """Say what is wrong with a path that should be a folder, and what to do about it."""
    if path.is_symlink() and not path.exists():
        return "is a link to nothing", "fix the link, or pass the folder itself"
    if not path.exists():
        return "is not there", "pass a valid folder"
    kind = _archive(path)
    if kind is not None:
        return f"is {kind}, not a folder", "unpack it, and give the folder it was made of"
    return "is a file, not a folder", "give the folder that it lies in"


def folders_in(folder: Path, left_out: list[ImportOmission]) -> Iterator[Path]:
    """List the folders in a folder, by name. Hidden ones are nobody's results; a link to nothing is left out by name.

    Raises:
        OSError: It cannot be listed.
    """
    for each in sorted(folder.iterdir()):
        if each.name.startswith(".") or each.name == "__MACOSX":
            continue
        if not _writable(each.name):
            left_out.append(ImportOmission(ascii(each.name), "its name is no UTF-8", "rename it"))
        elif each.is_dir():
            yield each
        elif each.is_symlink() and not each.exists():
            left_out.append(ImportOmission(each.name, *why_no_folder(each)))


def leads_out(path: Path, folder: Path) -> bool:
    """Say whether a path leads out of a folder by links: somebody else's folder must not make us read our own files."""
    return not path.resolve().is_relative_to(folder.resolve())


def _writable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _archive(path: Path) -> str | None:
    """Name the kind of archive a file is. None: it is none, or cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_TAR_AT + 8)
    except OSError:
        return None
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "a tar archive"
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
