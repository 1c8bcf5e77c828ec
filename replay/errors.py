"""What can go wrong in a replay, beside what the engine names.

StillroomError
└── ReplayError
    ├── NotRerunnable       a run that no actor of ours made
    ├── NothingDecided      a run that was cut off before it began
    ├── InputsUnrecorded    an imported run that does not say what its decisions rest on
    ├── AgentNotRun         an attempt in which no agent of another make came to its end
    └── CauseLost           bytes that a decision rested on are gone
"""

from typing import ClassVar

from events.errors import ExitCode, StillroomError


class ReplayError(StillroomError):
    """Something is wrong with what was asked of a replay."""


class NotRerunnable(ReplayError):
    """Raised when a run has no actors to run again."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str) -> None:
        super().__init__(
            f"run {run} was imported, or cut off before it began: there are no actors to run again",
            remedy="its views can be rebuilt: `stillroom replay --rebuild`",
        )
        self.run = run


class NothingDecided(ReplayError):
    """Raised when a run holds no decision, since it was cut off before it began."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str) -> None:
        super().__init__(
            f"run {run} was cut off before it began: nothing was decided in it",
            remedy="`stillroom runs` lists the others",
        )
        self.run = run


class InputsUnrecorded(ReplayError):
    """Raised when nothing says what the decisions of an imported run rest on."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str, why: str) -> None:
        super().__init__(
            f"run {run} was imported by an earlier version, which did not record what its decisions rest on: {why}",
            remedy="import its folder into a new log: `stillroom import --help`",
        )
        self.run = run


class AgentNotRun(ReplayError):
    """Raised when an attempt has no agent of another make to run again."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str, attempt: str) -> None:
        super().__init__(
            f"no installed agent came to its end in {attempt} of run {run}",
            remedy="name an attempt of such an agent; the actors of any run are run again by `stillroom replay`",
        )
        self.run = run
        self.attempt = attempt


class CauseLost(ReplayError):
    """Raised when a chain of causes cannot be told down to its bytes: an explanation with a hole is none."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, what: str, trouble: str, others: int) -> None:
        more = f", and {others} more" if others else ""
        super().__init__(
            f"{what} cannot be resolved: {trouble}{more}",
            remedy="restore the log from a copy; `stillroom log verify` lists everything that is missing or damaged",
        )
        self.what = what
