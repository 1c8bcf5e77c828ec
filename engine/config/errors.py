"""What can be wrong with a configuration.

StillroomError
└── ConfigError
    ├── ConfigUnreadable    a file that is missing or is not what its name says
    └── ConfigRefused       keys that are unknown, missing, or hold what they cannot hold
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from events.errors import ExitCode, StillroomError


class ConfigError(StillroomError):
    """Something is wrong with what a run is asked to do. Nothing was started."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class ConfigUnreadable(ConfigError):
    """Raised when a file cannot be read as configuration at all."""

    def __init__(self, path: str, why: str, *, remedy: str) -> None:
        super().__init__(f"{path}: {why}", remedy=remedy)
        self.path = path


class Complaint(NamedTuple):
    """One thing that is wrong, and what to do about it."""

    origin: str
    """File, variable or flag that says it."""
    key: str
    """Dotted, such as ``agent.max_turns``."""
    problem: str
    remedy: str


class ConfigRefused(ConfigError):
    """Raised with everything that is wrong, so that a person need not find it one run at a time."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        first = complaints[0]
        listed = "\n".join(f"{each.origin}: {each.problem}" for each in complaints)
        several = f"{len(complaints)} settings are refused:\n{listed}"
        super().__init__(
            listed if len(complaints) == 1 else several,
            remedy=first.remedy
            if len(complaints) == 1
            else "\n".join(f"{each.key}: {each.remedy}" for each in complaints),
        )
        self.complaints = tuple(complaints)
