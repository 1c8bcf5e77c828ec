"""What can go wrong with a bundle.

LogError
└── BundleError
    ├── BundleUnreadable    a file that is no bundle, or what is left of one
    ├── BundleNewer         written by a later version
    ├── BundleThere         a file of that name is there already
    └── BundleBroken        it does not hold what it once held
"""

from typing import ClassVar

from events.errors import ExitCode, LogError


class BundleError(LogError):
    """Something is wrong with a bundle."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class BundleUnreadable(BundleError):
    """Raised when a file is not a bundle, or was cut short."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"{path} cannot be read as a bundle: {why}",
            remedy="name a file that `stillroom bundle write` made; if it is one, fetch it again: it was cut short",
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
    """Raised when a bundle would be written over another file."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is there already", remedy="name another file with -o, or remove that one")
        self.path = path


class BundleBroken(BundleError):
    """Raised when a bundle that is to be used was changed."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, path: str, finding: str, more: int) -> None:
        also = f", and {more} more" if more else ""
        super().__init__(
            f"{path} does not hold what it once held: {finding}{also}",
            remedy="fetch it again, or have it written again; `stillroom bundle verify` says everything that is wrong",
        )
        self.path = path
