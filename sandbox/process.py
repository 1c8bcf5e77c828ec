"""Run one process of the host to its end: pipes drained, limits kept, nothing left behind."""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from subprocess import DEVNULL, PIPE
from typing import Final

import anyio
from anyio import BrokenResourceError, ClosedResourceError, create_task_group, move_on_after
from anyio.abc import Process
from msgspec import Struct

from sandbox.base import Ended
from sandbox.outputs import CHUNK, InheritedPipes, Output, Outputs

_KILL_GRACE_S: Final = 10.0
"""Seconds to wait for the kernel after SIGKILL; longer means the machine is in trouble, not the command."""
REPORT_FD_VARIABLE: Final = "STILLROOM_REPORT_FD"


class ProcessSpec(Struct, frozen=True):
    """A process to run."""

    argv: Sequence[str]
    env: Mapping[str, str]
    """All of its environment."""
    stdin: bytes | None = None
    """What it reads; None for an empty input."""
    timeout_s: float | None = None
    """Seconds; None for no limit."""
    max_output_bytes: int = 16 * 1024 * 1024


class Finished(Struct, frozen=True):
    """A process that ended."""

    returncode: int
    """As Python has it: -n for signal n."""
    stdout: bytes
    stderr: bytes
    stdout_bytes: int
    stderr_bytes: int
    ended: Ended
    report: bytes
    """What the launcher wrote to the descriptor named by ``STILLROOM_REPORT_FD``: empty if it never ran."""


class Stuck(Exception):
    """Raised when a killed process does not end."""


def kill_group(group: int) -> None:
    """Kill a process group; one that is gone is fine."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


async def run(job: ProcessSpec, lingering: InheritedPipes) -> Finished:
    """Run a process in a session of its own until it ends.

    Cancelled, or over a limit, its process group is killed and waited for.

    Raises:
        OSError: The program cannot be started.
        Stuck: It does not end after being killed.
    """
    (stdout, stdout_writer), (stderr, stderr_writer) = os.pipe(), os.pipe()
    outputs = Outputs(Output(stdout), Output(stderr), job.max_output_bytes)
    report_reader, report_writer = os.pipe()
    os.set_blocking(report_reader, False)
    try:
        process = await _start(job, stdout_writer, stderr_writer, report_writer)
        try:
            timed_out = await _drive(process, job, outputs)
        finally:
            await _reap(process)
        outputs.finish()
        report = _read_now(report_reader)
    finally:
        os.close(report_reader)
        outputs.release(lingering)
    kept, errors = outputs.trim()
    return Finished(
        returncode=process.returncode if process.returncode is not None else -signal.SIGKILL,
        stdout=kept,
        stderr=errors,
        stdout_bytes=outputs.stdout.total,
        stderr_bytes=outputs.stderr.total,
        ended="output_limit" if outputs.over else "timed_out" if timed_out else "exited",
        report=report,
    )


async def _start(job: ProcessSpec, stdout: int, stderr: int, report: int) -> Process:
    """Start it, and close our copies of what it writes to, whatever happens."""
    try:
        return await anyio.open_process(
            list(job.argv),
            stdin=DEVNULL if job.stdin is None else PIPE,
            stdout=stdout,
            stderr=stderr,
            env={**job.env, REPORT_FD_VARIABLE: str(report)},
            cwd="/",
            start_new_session=True,
            pass_fds=(report,),
        )
    finally:
        os.close(stdout)
        os.close(stderr)
        os.close(report)


async def _drive(process: Process, job: ProcessSpec, outputs: Outputs) -> bool:
    """Feed and drain until it ends; True when its time was up first."""
    with move_on_after(job.timeout_s) as clock:
        async with create_task_group() as group:
            for output in (outputs.stdout, outputs.stderr):
                group.start_soon(outputs.pump, output, partial(kill_group, process.pid))
            if job.stdin is not None:
                group.start_soon(_feed, process, job.stdin)
            await process.wait()
            group.cancel_scope.cancel()
    return clock.cancelled_caught


async def _feed(process: Process, data: bytes) -> None:
    """Write its input; a process that does not want it is no error."""
    assert process.stdin is not None
    with suppress(BrokenResourceError, ClosedResourceError, BrokenPipeError, ConnectionResetError):
        await process.stdin.send(data)
        await process.stdin.aclose()


async def _reap(process: Process) -> None:
    """See it dead. Shielded, or a cancelled command would go on by itself; bounded, or a close could hang."""
    if process.returncode is None:
        kill_group(process.pid)
    with move_on_after(_KILL_GRACE_S, shield=True) as grace:
        await process.wait()
        if process.stdin is not None:
            with suppress(BrokenResourceError, ClosedResourceError, BrokenPipeError, ConnectionResetError):
                await process.stdin.aclose()
    if grace.cancelled_caught:
        raise Stuck


def _read_now(descriptor: int) -> bytes:
    """What is in a pipe now."""
    try:
        return os.read(descriptor, CHUNK)
    except BlockingIOError:
        return b""
