"""What can go wrong around a sandbox.

```
StillroomError
└── SandboxError
    ├── TaskInvalid          a task folder cannot be read: the author's to mend
    ├── RegistryWrong        a registry of datasets cannot be read, or does not hold what is asked of it
    ├── TaskNotFetched       git did not bring a task that a registry names
    ├── Unsupported          a named feature this backend cannot honour: choose another backend
    ├── PathRefused          a path inside a sandbox is missing, of the wrong kind, or too large
    └── InfrastructureError  ours: never a score, never the output of a command
        ├── SandboxUnavailable   it could not be opened
        └── SandboxLost          it was open and is no more
```
"""

from collections.abc import Sequence
from typing import ClassVar

from events.errors import ExitCode, StillroomError


class SandboxError(StillroomError):
    """Raised when something around a sandbox goes wrong; the root of this layer."""


class TaskInvalid(SandboxError):
    """Raised when a task folder cannot be read.

    Attributes:
        task: The task's folder name.
        place: The file at fault, with the key if there is one.
        file: The file at fault, relative to the task folder.
        key: The dotted key at fault, or None when it is the file as a whole.
        detail: What is wrong with it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, task: str, file: str, detail: str, *, remedy: str, key: str | None = None) -> None:
        place = file if key is None else f"{file}: {key}"
        super().__init__(f"task {task}: {place}: {detail}", remedy=remedy)
        self.task = task
        self.place = place
        self.file = file
        self.key = key
        self.detail = detail


class RegistryWrong(SandboxError):
    """Raised when a registry of datasets cannot be read, or does not hold what is asked of it.

    Attributes:
        file: The registry.
        detail: What is wrong with it, or is not in it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, file: str, detail: str, *, remedy: str) -> None:
        super().__init__(f"{file}: {detail}", remedy=remedy)
        self.file = file
        self.detail = detail


class TaskNotFetched(SandboxError):
    """Raised when git does not bring a task that a registry names.

    Attributes:
        url: Of the repository.
        commit: Which was wanted.
        detail: What git said.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, url: str, commit: str, detail: str, *, remedy: str | None = None) -> None:
        super().__init__(
            f"{url} at {commit}: {detail}",
            remedy=remedy or "mend git_url and git_commit_id in the registry, or try again when git reaches it",
        )
        self.url = url
        self.commit = commit
        self.detail = detail


class Unsupported(SandboxError):
    """Raised when a backend is asked for what it cannot honour. It never ignores it instead.

    Attributes:
        backend: Name of the backend.
        features: Each feature by name, in the words of the task's own files.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, backend: str, features: Sequence[str], *, remedy: str | None = None) -> None:
        super().__init__(
            f"the sandbox {backend!r} cannot honour: {'; '.join(features)}",
            remedy=remedy or "run the task in a sandbox that can (docker), or leave it out of this run",
        )
        self.backend = backend
        self.features = tuple(features)


class PathRefused(SandboxError):
    """Raised when a path inside a sandbox cannot be read or written as asked.

    The sandbox itself is well. An agent may cause this (by removing a file), so it is not ours.

    Attributes:
        path: The path inside the sandbox.
        detail: What is the matter with it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.NEGATIVE

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(
            f"{path}: {detail}", remedy="look at what the commands before did to this path, or ask for another"
        )
        self.path = path
        self.detail = detail


class InfrastructureError(SandboxError):
    """Raised when the sandbox is at fault: no verdict, never a failed attempt."""

    exit_code: ClassVar[ExitCode] = ExitCode.NO_VERDICT


class SandboxUnavailable(InfrastructureError):
    """Raised when a sandbox could not be opened.

    Attributes:
        sandbox: Id of the sandbox that was asked for.
        detail: What the machine said.
    """

    def __init__(self, sandbox: str, detail: str, *, remedy: str | None = None) -> None:
        super().__init__(
            f"sandbox {sandbox} could not be opened: {detail}",
            remedy=remedy or "run `stillroom doctor`; it tries the sandbox once and says what is missing",
        )
        self.sandbox = sandbox
        self.detail = detail


class SandboxLost(InfrastructureError):
    """Raised when an open sandbox does not answer any more, or was closed.

    Attributes:
        sandbox: Id of the sandbox.
        detail: What was being done, and what the machine said.
    """

    def __init__(self, sandbox: str, detail: str) -> None:
        super().__init__(
            f"sandbox {sandbox} is lost: {detail}",
            remedy="start the attempt again in a fresh sandbox; this one's attempt has no verdict",
        )
        self.sandbox = sandbox
        self.detail = detail
