"""What can go wrong around a sandbox.

```
StillroomError
└── SandboxError
    ├── TaskInvalid          a task folder cannot be read; its author must fix it
    ├── RegistryWrong        a registry of datasets cannot be read, or lacks the requested dataset
    ├── TaskNotFetched       git could not fetch a task that a registry names
    ├── Unsupported          this backend does not support a named feature: choose another backend
    ├── PathRefused          a path inside a sandbox is missing, of the wrong kind, or too large
    └── InfrastructureError  a fault of the infrastructure: never a score, never the output of a command
        ├── SandboxUnavailable   the sandbox could not be opened
        └── SandboxLost          an open sandbox stopped answering
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
    """Raised when a registry of datasets cannot be read, or lacks the requested dataset.

    Attributes:
        file: The registry.
        detail: What is wrong with it, or missing from it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, file: str, detail: str, *, remedy: str) -> None:
        super().__init__(f"{file}: {detail}", remedy=remedy)
        self.file = file
        self.detail = detail


class TaskNotFetched(SandboxError):
    """Raised when git cannot fetch a task that a registry names.

    Attributes:
        url: Of the repository.
        commit: Which was wanted.
        detail: What git said.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, url: str, commit: str, detail: str, *, remedy: str | None = None) -> None:
        super().__init__(
            f"{url} at {commit}: {detail}",
            remedy=remedy or "fix git_url and git_commit_id in the registry, or retry when the repository is reachable",
        )
        self.url = url
        self.commit = commit
        self.detail = detail


class Unsupported(SandboxError):
    """Raised when a backend does not support a requested feature. Features are never silently ignored.

    Attributes:
        backend: Name of the backend.
        features: Each feature by name, in the words of the task's own files.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, backend: str, features: Sequence[str], *, remedy: str | None = None) -> None:
        super().__init__(
            f"sandbox {backend!r} does not support: {'; '.join(features)}",
            remedy=remedy or "run the task in a sandbox that does (docker), or leave it out of this run",
        )
        self.backend = backend
        self.features = tuple(features)


class PathRefused(SandboxError):
    """Raised when a path inside a sandbox cannot be read or written.

    The sandbox itself works. An agent may cause this (by removing a file), so it is not an infrastructure error.

    Attributes:
        path: The path inside the sandbox.
        detail: What is the matter with it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.NEGATIVE

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}", remedy="an earlier command changed this path; inspect it or use another")
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
            remedy=remedy or "run `stillroom doctor`; it opens a sandbox once and reports what is missing",
        )
        self.sandbox = sandbox
        self.detail = detail


class SandboxLost(InfrastructureError):
    """Raised when an open sandbox stops answering, or was closed.

    Attributes:
        sandbox: Id of the sandbox.
        detail: What was being done, and what the machine said.
    """

    def __init__(self, sandbox: str, detail: str) -> None:
        super().__init__(
            f"sandbox {sandbox} is lost: {detail}",
            remedy="restart the attempt in a fresh sandbox; this attempt has no verdict",
        )
        self.sandbox = sandbox
        self.detail = detail
