"""What a check of the conformance suite works with."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from sandbox.base import ExecResult, Promise, Sandbox, SandboxBackend, SandboxSpec
from sandbox.errors import SandboxError
from sandbox.harbor.task import Task


class CheckFailed(Exception):
    """Raised when a backend does not keep a promise; says what was seen."""


class ConformanceHarness(Struct, frozen=True):
    """An open sandbox, and the host around it."""

    backend: SandboxBackend
    sandbox: Sandbox
    task: Task
    folder: Path
    """A folder of the host's that must not be seen from inside."""

    @asynccontextmanager
    async def another(self) -> AsyncIterator[Sandbox]:
        """A second sandbox of the same task, for a while."""
        sandbox = await self.backend.open(SandboxSpec(id=f"{self.sandbox.id}/another", task=self.task))
        try:
            yield sandbox
        finally:
            await sandbox.close()

    async def output(self, command: str) -> str:
        """Standard output of a command that must succeed."""
        result = await self.sandbox.exec(command)
        expect(result.exit_code == 0, f"{command!r} gave {describe(result)}")
        return result.stdout.decode()


Entry = tuple[str, Promise | None, Callable[[ConformanceHarness], Awaitable[None]]]
"""Name, promise, and what to do."""


def expect(holds: bool, seen: str) -> None:  # noqa: FBT001 - an assertion, which says what was seen
    """Fail the check unless it holds."""
    if not holds:
        raise CheckFailed(seen)


async def refused(kind: type[SandboxError], action: Awaitable[object]) -> None:
    """Fail the check unless the action raises this error."""
    try:
        seen = await action
    except kind:
        return
    raise CheckFailed(f"no {kind.__name__} was raised; it gave {seen!r}"[:500])


def describe(result: ExecResult) -> str:
    """A result in one line."""
    return f"{result.ended}, code {result.exit_code}, {result.stdout[:200]!r}, {result.stderr[:200]!r}"
