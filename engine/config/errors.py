"""What can be wrong with a configuration.

StillroomError
└── ConfigError
    ├── ConfigUnreadable    a file that is missing or in another format than its suffix says
    └── ConfigRefused       keys that are unknown, missing, or have an invalid value
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from events.errors import ExitCode, StillroomError


class ConfigError(StillroomError):
    """Base class of errors in a configuration. Nothing was started."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class ConfigUnreadable(ConfigError):
    """Raised when a file cannot be read as configuration."""

    def __init__(self, path: str, why: str, *, remedy: str) -> None:
        super().__init__(f"{path}: {why}", remedy=remedy)
        self.path = path


class ConfigProblem(NamedTuple):
    """One problem and its remedy."""

    origin: str
    """File, variable or flag that sets it."""
    key: str
    """Dotted, such as ``agent.max_turns``."""
    problem: str
    remedy: str


class ConfigRefused(ConfigError):
    """Raised with all problems at once, so that they can be fixed in one pass."""

    def __init__(self, complaints: Sequence[ConfigProblem]) -> None:
        first = complaints[0]
        listed = "\n".join(f"{each.origin}: {each.problem}" for each in complaints)
        several = f"{len(complaints)} settings are invalid:\n{listed}"
        super().__init__(
            listed if len(complaints) == 1 else several,
            remedy=first.remedy
            if len(complaints) == 1
            else "\n".join(f"{each.key}: {each.remedy}" for each in complaints),
        )
        self.complaints = tuple(complaints)
