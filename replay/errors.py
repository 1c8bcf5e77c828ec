"""What can go wrong in a replay, beside what the engine names.

StillroomError
└── ReplayError
    ├── NotRerunnable       a run that no actor of ours made
    ├── NothingDecided      a run that was cut off before it began
    ├── InputsUnrecorded    an imported run that does not say what its decisions rest on
    ├── AgentNotRun         an attempt without a completed run of an installed agent
    ├── PartMissing         no decision can be asked: the program or the method of a run is not there
    └── CauseLost           bytes that a decision rested on are gone
"""

from typing import ClassVar

from events.errors import ExitCode, StillroomError


class ReplayError(StillroomError):
    """Base class of errors in a request for a replay."""


class NotRerunnable(ReplayError):
    """Raised when a run has no actors to run again."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str) -> None:
        super().__init__(
            f"run {run} was imported, or interrupted before it started: it has no actors to rerun",
            remedy="rebuild its views instead: `stillroom replay --rebuild`",
        )
        self.run = run


class NothingDecided(ReplayError):
    """Raised when a run holds no decision, since it was cut off before it began."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str) -> None:
        super().__init__(
            f"run {run} was interrupted before it started: it holds no decisions",
            remedy="`stillroom runs` lists other runs",
        )
        self.run = run


class InputsUnrecorded(ReplayError):
    """Raised when nothing says what the decisions of an imported run rest on."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str, why: str) -> None:
        super().__init__(
            f"run {run} was imported by an earlier version, which did not record the inputs of its decisions: {why}",
            remedy="import its folder into a new log: `stillroom import --help`",
        )
        self.run = run


class AgentNotRun(ReplayError):
    """Raised when an attempt has no completed run of an installed agent."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str, attempt: str) -> None:
        super().__init__(
            f"attempt {attempt} of run {run} has no completed installed-agent run",
            remedy="choose an attempt of an installed agent; `stillroom replay` reruns the actors of any run",
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
            remedy="restore the log from a copy; `stillroom log verify` lists all missing and damaged data",
        )
        self.what = what


class PartMissing(ReplayError):
    """Raised when no decision of a run can be asked again, since its program or its method is not there."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str, why: str) -> None:
        super().__init__(
            f"run {run}: its decisions are listed, not asked: {why}",
            remedy=f"install or fix the package that registers it; `stillroom decisions {run}` lists what is recorded",
        )
        self.run = run
