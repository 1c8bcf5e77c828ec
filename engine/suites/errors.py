"""What can be wrong with suites.

StillroomError
└── EngineError
├── SuiteInvalid   files of a suite are not as they have to be
├── SuiteAbsent    a folder holds no suite
└── SuitesDiffer   results of two suites, or of two releases of one, were to be put together
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from typing_extensions import override

from engine.core.errors import EngineError
from events.errors import ExitCode
from events.types.suite import Suite

_SHOWN: Final = 12
"""Faults that a message lists."""
_DIGITS: Final = 12
"""Of a digest."""


class SuiteFault(NamedTuple):
    """What is wrong, where, and what to do about it."""

    file: str
    """Relative to the suite's folder, with the key if there is one."""
    problem: str
    remedy: str

    @override
    def __str__(self) -> str:
        """Write it as a line."""
        return f"{self.file}: {self.problem} ({self.remedy})"


class SuiteInvalid(EngineError):
    """Raised when a suite cannot be read whole. No task and no family is left out in silence.

    Attributes:
        faults: All that is wrong with it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, folder: Path, faults: Sequence[SuiteFault]) -> None:
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        super().__init__(
            f"{folder}: {'; '.join(map(str, faults[:_SHOWN]))}{more}",
            remedy=f"correct these files; `stillroom suite check {folder}` lists all that is wrong",
        )
        self.faults = tuple(faults)


class SuiteAbsent(EngineError):
    """Raised when a folder holds no suite."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(
            f"{folder}: {problem}",
            remedy="name a folder that holds tasks/ and skills/, or one whose benchmark/ holds them",
        )


class SuitesDiffer(EngineError):
    """Raised before results of two suites, or of two releases of one, would be put together."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, what: str, names: Sequence[str]) -> None:
        super().__init__(
            f"{what} are of different suites: {'; '.join(names)}",
            remedy="compare runs over one release of one suite; two releases are never averaged",
        )


def told(name: str, release: str | None, digest: str) -> str:
    """Name a suite in a line."""
    return f"{name} {'without a release' if release is None else f'release {release}'} ({digest[:_DIGITS]})"


def suite_told(suite: Suite) -> str:
    """Name a suite as it was read."""
    return told(suite.name, suite.release, suite.digest)
