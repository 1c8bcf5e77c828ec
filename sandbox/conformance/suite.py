"""The conformance suite: every promise of ``sandbox/base.py`` that can be tried, tried on a real backend.

Shipped, so that the author of another backend can run it: ``await conform(backend, folder)``. A check whose
promise the backend does not make is *unsupported*, with the backend's own reason; it is never skipped in silence.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import anyio
from anyio import fail_after
from msgspec import Struct

from sandbox.base import Limits, Promise, Sandbox, SandboxBackend, SandboxSpec
from sandbox.conformance.commands import COMMAND_CHECKS
from sandbox.conformance.files import FILE_CHECKS
from sandbox.conformance.harness import CheckFailed, ConformanceHarness
from sandbox.conformance.isolation import ISOLATION_CHECKS
from sandbox.errors import SandboxError
from sandbox.harbor.task import Task, load_task

CHECK_S: Final = 60.0
_MIB: Final = 1024 * 1024
_LIMITS: Final = Limits(memory_bytes=256 * _MIB, processes=64, file_bytes=64 * _MIB)
_FILES: Final = {
    "task.toml": "[metadata]\npurpose = 'conformance'\n",
    "instruction.md": "Nothing needs doing.\n",
    "environment/Dockerfile": "FROM debian:bookworm-slim\nWORKDIR /app\nENV IMAGE_SAYS=hello\n",
    "tests/test.sh": "#!/bin/bash\necho 1 > /logs/verifier/reward.txt\n",
    "solution/solve.sh": "#!/bin/bash\necho solution-canary\n",
}


class ConformanceCheck(Struct, frozen=True):
    """One thing to try."""

    number: int
    """For life: a check that goes leaves a gap."""
    name: str
    promise: Promise | None
    """What a backend must enforce for it to mean something; None for all backends."""
    run: Callable[[ConformanceHarness], Awaitable[None]]


class CheckResult(Struct, frozen=True):
    """How it went."""

    number: int
    name: str
    result: Literal["passed", "failed", "unsupported"]
    reason: str
    """Empty when it passed."""


CHECKS: Final = tuple(
    ConformanceCheck(number, name, promise, run)
    for number, (name, promise, run) in enumerate((*COMMAND_CHECKS, *FILE_CHECKS, *ISOLATION_CHECKS), start=1)
)


async def conform(backend: SandboxBackend, folder: Path) -> tuple[CheckResult, ...]:
    """Run every check, one after the other, each in a fresh sandbox.

    Args:
        backend: What is tried.
        folder: An empty folder of the host's, for the task and for files that must not be seen from inside.
    """
    return tuple([await run_check(check, backend, folder) for check in CHECKS])


async def run_check(check: ConformanceCheck, backend: SandboxBackend, folder: Path) -> CheckResult:
    """Run one check in a sandbox of its own."""
    isolation = backend.describe()
    if check.promise is not None and check.promise not in isolation.enforces:
        reason = f"{backend.name} does not promise {check.promise!r}: {isolation.reason}"
        return CheckResult(check.number, check.name, "unsupported", reason)
    try:
        task = await anyio.to_thread.run_sync(write_task, folder / f"task-{check.number}")
        with fail_after(CHECK_S):
            async with _opened(backend, task, f"check/{check.number}") as sandbox:
                await check.run(ConformanceHarness(backend=backend, sandbox=sandbox, task=task, folder=folder))
    except (CheckFailed, SandboxError) as error:
        return CheckResult(check.number, check.name, "failed", f"{type(error).__name__}: {error}")
    except TimeoutError:
        return CheckResult(check.number, check.name, "failed", f"not done after {CHECK_S:.0f} s")
    return CheckResult(check.number, check.name, "passed", "")


def write_task(folder: Path) -> Task:
    """The small task that checks run in."""
    for name, text in _FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_task(folder)


@asynccontextmanager
async def _opened(backend: SandboxBackend, task: Task, sandbox: str) -> AsyncIterator[Sandbox]:
    opened = await backend.open(SandboxSpec(id=sandbox, task=task, limits=_LIMITS))
    try:
        yield opened
    finally:
        await opened.close()
