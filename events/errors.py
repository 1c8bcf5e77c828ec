"""The root of every error of ours.

Each layer draws its own tree below this one in its own ``errors.py``. An error states the problem, keeps
the fields that matter, and says what a person can do about it.

What can go wrong with a log.

StillroomError
└── LogError
    ├── EventRefused        an event that would not read back
    ├── SecretUnusable      a secret whose value is too common to redact
    ├── VersionConflict     two writers shared a stream
    ├── FenceLost           another process now owns the run
    ├── RunOwned            another process owns the requested run
    ├── BlobMissing         bytes that an event references are missing
    │   └── BlobErased      they were erased on purpose
    ├── BlobTooLarge        a blob exceeds the size limit of the file
    ├── LogClosed           the log was used after it was closed
    ├── LogLocked           another program holds the file
    ├── LogFull             the disk, or the limit of the file
    ├── LogUnwritable       the file is read-only
    ├── LogLost             the file was removed while it was in use
    ├── LogLinked           the file has several names
    ├── LogNewer            written by a later version
    ├── LogNotOurs          a file that is not a log
    ├── LogCorrupt          SQLite cannot read a page
    ├── KeyUnusable         a file that is not a key, or that others can read
    ├── RunDiffers          the target has another run with this id
    ├── CopyBroken          the source of a copy is damaged
"""

from datetime import UTC, datetime
from enum import IntEnum
from typing import ClassVar

from events.digest import Digest


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
    SETTINGS = 9
    UNREACHABLE = 10
    CANCELLED = 11
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


class LogError(StillroomError):
    """Base class of errors of the log or in its use."""


class EventRefused(LogError):
    """Raised when an event would not read back as it was written."""

    def __init__(self, event: str, why: str) -> None:
        super().__init__(
            f"{event} cannot be written: {why}",
            remedy="store undecodable text as a blob, and record a missing number as None with its reason",
        )
        self.event = event


class SecretUnusable(LogError):
    """Raised when the value of a secret cannot be redacted reliably."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"secret {name} cannot be kept out of the log: {why}",
            remedy="give it a longer, unique value (an endpoint that checks no key accepts any), "
            "or remove the api_key_env that names it",
        )
        self.name = name


class VersionConflict(LogError):
    """Raised when events were decided at another version of their stream than the one it is at."""

    def __init__(self, stream: str, *, expected: int, actual: int) -> None:
        super().__init__(
            f"{stream} is at version {actual}, but the events were based on {expected}",
            remedy="re-read the stream and decide again; two writers share this stream",
        )
        self.stream = stream
        self.expected = expected
        self.actual = actual


class FenceLost(LogError):
    """Raised when an append comes from a process that no longer owns the run."""

    def __init__(self, run: str, *, token: int, current: int) -> None:
        super().__init__(
            f"run {run} was taken over: this process holds token {token}, the run is at {current}",
            remedy="stop this process; the new owner continues the run",
        )
        self.run = run


class RunOwned(LogError):
    """Raised when a run is asked for that a live process owns.

    Attributes:
        run: Its id.
        owner: Which process: host, id and start.
        seconds_left: Until its lease runs out, unless it is renewed.
        since: When it acquired the run, in microseconds since 1970, UTC. None if unknown.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str, *, owner: str, seconds_left: float, since: int | None = None) -> None:
        begun = "" if since is None else f" since {datetime.fromtimestamp(since / 1e6, UTC):%Y-%m-%d %H:%M:%S} UTC"
        super().__init__(
            f"run {run} is owned by {owner}{begun}, whose lease expires in {seconds_left:.0f} s",
            remedy="wait for it to finish, or stop that process; a lease that is not renewed expires; "
            f"if you know that the owner is gone: `stillroom resume {run} --take-over`",
        )
        self.run = run
        self.owner = owner
        self.seconds_left = seconds_left
        self.since = since


class BlobMissing(LogError):
    """Raised when bytes that an event references are not in the log."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, digest: str) -> None:
        super().__init__(
            f"no blob {digest}",
            remedy="restore the log from a copy; `stillroom log verify` lists every missing blob",
        )
        self.digest = digest


class BlobErased(BlobMissing):
    """Raised when bytes that an event references were erased on purpose. The log is still intact."""

    def __init__(self, digest: str, *, reason: str, at: int, place: str | None = None) -> None:
        """Describe the erased bytes.

        Args:
            digest: Digest of the bytes.
            reason: Who erased them, and why, as given.
            at: When, in microseconds since 1970, UTC.
            place: What needs them, such as an event of a run. None if not named.
        """
        needed = "" if place is None else f", needed by {place},"
        onward = "" if place is None else "; start a new run, or fork this one before that place"
        LogError.__init__(
            self,
            f"blob {digest}{needed} was erased: {reason}",
            remedy=f"it cannot be restored; what depends on it cannot be recomputed{onward}",
        )
        self.digest = digest
        self.reason = reason
        self.at = at
        self.place = place

    def needed_by(self, place: str) -> "BlobErased":
        """Give the same error with the place that needs the bytes; the innermost place counts."""
        return BlobErased(self.digest, reason=self.reason, at=self.at, place=self.place or place)


class BlobTooLarge(LogError):
    """Raised when a blob exceeds the size limit of the file. Nothing else is affected."""

    def __init__(self, digest: Digest, size: int, most: int) -> None:
        super().__init__(
            f"blob {digest} has {size:,} bytes; a log accepts at most {most:,} per blob",
            remedy="reduce the output, or split it into several files; the log never truncates",
        )
        self.digest = digest
        self.size = size
        self.most = most


class LogClosed(LogError):
    """Raised when a log is used after it was closed."""

    def __init__(self) -> None:
        super().__init__("the log is closed", remedy="this is a bug in stillroom; please report it")


class LogLocked(LogError):
    """Raised when another program keeps the file locked beyond the timeout."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__(
            f"{path} has been locked by another program for more than {seconds:g} s",
            remedy="close the program that holds it (an open transaction in a database browser, a backup), then resume",
        )


class LogFull(LogError):
    """Raised when there is no space to append. No part of the append was kept."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"no space to append to {path}: the disk is full",
            remedy="free some space, then `stillroom resume`; all recorded events are safe",
        )


class LogUnwritable(LogError):
    """Raised when the file is read-only, or the disk fails. No part of the append was kept."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"{path} cannot be written to: {why}",
            remedy="all acknowledged events are safe; check the disk, whether it is mounted read-only, and the "
            "permissions of this user; then `stillroom resume`",
        )


class LogLost(LogError):
    """Raised when the file of a log was deleted, moved, replaced or overwritten while it was in use.

    Attributes:
        path: Where the log was.
        why: What happened to it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, path: str, why: str, remedy: str) -> None:
        super().__init__(f"the log {path} is lost: {why}", remedy=remedy)
        self.path = path
        self.why = why


class LogLinked(LogError):
    """Raised when a log's file has several names (hard links)."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, path: str, names: int) -> None:
        super().__init__(
            f"{path} is one of {names} hard links to the same file, and SQLite corrupts a file that is opened "
            "under two names",
            remedy=f"find the others with `find -samefile {path}` and remove all but one; to keep a second log, copy "
            "it with `stillroom log copy`",
        )


class LogNewer(LogError):
    """Raised when a file was written by a later version of stillroom."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, path: str, *, found: int, known: int) -> None:
        super().__init__(
            f"{path} has log format {found}, and this version knows formats up to {known}",
            remedy="upgrade stillroom; the file was not changed",
        )


class LogNotOurs(LogError):
    """Raised when a file is not a stillroom log."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"{path} is not a stillroom log: {why}",
            remedy="choose another file with --log; this one was not changed",
        )


class LogCorrupt(LogError):
    """Raised when SQLite finds the file damaged."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"{path} is damaged: {why}",
            remedy="restore it from a copy, or salvage readable data with `sqlite3 FILE .recover`",
        )


class KeyUnusable(LogError):
    """Raised when a key cannot or must not be used."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"{path} cannot be used as a key: {why}",
            remedy="`stillroom log keygen FILE` generates a key pair",
        )
        self.path = path


class RunDiffers(LogError):
    """Raised when the target of a copy already holds the run with other contents."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, run: str, stream: str) -> None:
        super().__init__(
            f"run {run} already exists in the target, and its stream {stream} differs",
            remedy="copy to another file; run `stillroom log verify` on both to see which was changed",
        )
        self.run = run
        self.stream = stream


class CopyBroken(LogError):
    """Raised when something cannot be copied unchanged."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"{what} cannot be copied: {why}",
            remedy="`stillroom log verify` on the source lists the damage; copy individual runs that are intact",
        )
        self.what = what
