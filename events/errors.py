"""The root of every error of ours.

Each layer draws its own tree below this one in its own ``errors.py``. An error states the problem, keeps
the fields that matter, and says what a person can do about it.
"""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a command of ours tells the shell. Documented in ``docs/cli.md``; a promise."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    NEGATIVE = 3
    DIVERGED = 4
    INTEGRITY = 5
    BUDGET = 6
    NO_VERDICT = 7
    WAITING = 8
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class StillroomError(Exception):
    """Something a person can read and act upon.

    Attributes:
        problem: One sentence that names what is wrong and where.
        remedy: One sentence that says what to do about it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
