"""What can go wrong with a bundle.

LogError
└── BundleError
    ├── BundleUnreadable    a file that is not a bundle, or is not there
    ├── BundleDamaged       a bundle that was cut short, or changed so that it cannot be read
    ├── BundleNewer         written by a later version
    ├── BundleThere         the output file already exists
    └── BundleBroken        its contents were changed
"""

from typing import ClassVar

from events.errors import ExitCode, LogError


class BundleError(LogError):
    """Base class of errors with a bundle."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class BundleUnreadable(BundleError):
    """Raised when a file is not a bundle."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"{path} cannot be read as a bundle: {why}",
            remedy="choose a file written by `stillroom bundle write` or `stillroom skills bundle`",
        )
        self.path = path


class BundleDamaged(BundleError):
    """Raised when a bundle was cut short, or was changed so that it cannot be read."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"{path} was damaged, and cannot be read as a bundle: {why}",
            remedy="fetch it or write it again; nothing of it is proved",
        )
        self.path = path


class BundleNewer(BundleError):
    """Raised when a bundle was written by a later version of stillroom."""

    def __init__(self, path: str, *, found: int, known: int) -> None:
        super().__init__(
            f"{path} has bundle format {found}, and this version knows formats up to {known}",
            remedy="upgrade stillroom",
        )
        self.path = path


class BundleThere(BundleError):
    """Raised when writing a bundle would overwrite a file."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} already exists", remedy="choose another file with -o, or remove that one")
        self.path = path


class BundleBroken(BundleError):
    """Raised when the contents of a bundle were changed."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, path: str, finding: str, more: int) -> None:
        also = f", and {more} more" if more else ""
        super().__init__(
            f"{path} was changed after it was written: {finding}{also}",
            remedy="fetch it or write it again; `stillroom bundle verify` lists everything that is wrong",
        )
        self.path = path
