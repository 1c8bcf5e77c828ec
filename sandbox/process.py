"""Run one process of the host to its end: pipes drained, limits kept, nothing left behind.

Pipes are read here, and not through a stream of the event loop, because a command's answer must not wait
for end-of-file: ``server &`` keeps the pipe open for as long as it lives.
"""

import fcntl
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from typing import Final

import anyio
from anyio import BrokenResourceError, ClosedResourceError, create_task_group, move_on_after
from anyio.abc import Process
from msgspec import Struct

from sandbox.base import Ended

_CHUNK: Final = 64 * 1024
_PIPE_BYTES: Final = 1024 * 1024
"""Room in a pipe: the most that can be waiting in it when the command has ended."""
_KILL_GRACE_S: Final = 10.0
"""Seconds to wait for the kernel after SIGKILL; longer means the machine is in trouble, not the command."""
REPORT_FD_VARIABLE: Final = "STILLROOM_REPORT_FD"


class Job(Struct, frozen=True):
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


class Lingering:
    """Outputs that background processes still hold open.

    Closing them would end a server at its next line of log (SIGPIPE), so they stay open, unread beyond
    the pipe's room, until the sandbox ends; those whose writers are gone are closed when the next comes.
    """

    def __init__(self) -> None:
        self._open: list[int] = []

    def keep(self, descriptor: int) -> None:
        """Take over a pipe's reading end."""
        self.drain()
        self._open.append(descriptor)

    def drain(self) -> None:
        """Read away what is there; close what has ended."""
        self._open = [each for each in self._open if not _read_away(each)]

    def close(self) -> None:
        """Close all."""
        for descriptor in self._open:
            os.close(descriptor)
        self._open = []


class _Output:
    """One output of a process: what was read so far."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        with suppress(OSError):  # a user's allowance of pipe memory may be used up; 64 KiB is fine too
            fcntl.fcntl(self.reader, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self.kept = bytearray()
        self.total = 0
        self.ended = False

    def read(self) -> bool:
        """Read one chunk; False when there is none now, or no more."""
        try:
            chunk = os.read(self.reader, _CHUNK)
        except BlockingIOError:
            return False
        self.kept += chunk
        self.total += len(chunk)
        self.ended = not chunk
        return bool(chunk)

    def finish(self) -> None:
        """Read what the ended command left in the pipe, and no more: others may still write."""
        left = fcntl.fcntl(self.reader, fcntl.F_GETPIPE_SZ)
        until = self.total + left
        while not self.ended and self.total < until and self.read():
            pass

    def release(self, lingering: Lingering) -> None:
        """Close, or hand over what a background process still holds."""
        if self.ended:
            os.close(self.reader)
        else:
            lingering.keep(self.reader)


class _Outputs:
    """Both outputs under one limit."""

    def __init__(self, limit: int) -> None:
        self.stdout = _Output()
        self.stderr = _Output()
        self._limit = limit

    @property
    def over(self) -> bool:
        return self.stdout.total + self.stderr.total > self._limit

    async def pump(self, output: _Output, process: Process) -> None:
        """Read until the end, or until the limit is passed: then kill."""
        while not output.ended:
            await anyio.wait_readable(output.reader)
            output.read()
            if self.over:
                kill_group(process.pid)
                return

    def trim(self) -> tuple[bytes, bytes]:
        """What fits: standard error first, because it is short and says why."""
        stderr = bytes(self.stderr.kept[: self._limit])
        return bytes(self.stdout.kept[: self._limit - len(stderr)]), stderr


def kill_group(group: int) -> None:
    """Kill a process group; one that is gone is fine."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


async def run(job: Job, lingering: Lingering) -> Finished:
    """Run a process in a session of its own until it ends.

    Cancelled, or over a limit, its process group is killed and waited for.

    Raises:
        OSError: The program cannot be started.
        Stuck: It does not end after being killed.
    """
    outputs = _Outputs(job.max_output_bytes)
    report_reader, report_writer = os.pipe()
    os.set_blocking(report_reader, False)
    try:
        process = await _start(job, outputs, report_writer)
        try:
            timed_out = await _drive(process, job, outputs)
        finally:
            await _reap(process)
        outputs.stdout.finish()
        outputs.stderr.finish()
        report = _read_now(report_reader)
    finally:
        os.close(report_reader)
        outputs.stdout.release(lingering)
        outputs.stderr.release(lingering)
    stdout, stderr = outputs.trim()
    return Finished(
        returncode=process.returncode if process.returncode is not None else -signal.SIGKILL,
        stdout=stdout,
        stderr=stderr,
        stdout_bytes=outputs.stdout.total,
        stderr_bytes=outputs.stderr.total,
        ended="output_limit" if outputs.over else "timed_out" if timed_out else "exited",
        report=report,
    )


async def _start(job: Job, outputs: _Outputs, report: int) -> Process:
    """Start it, and close our copies of what it writes to, whatever happens."""
    try:
        return await anyio.open_process(
            list(job.argv),
            stdin=DEVNULL if job.stdin is None else PIPE,
            stdout=outputs.stdout.writer,
            stderr=outputs.stderr.writer,
            env={**job.env, REPORT_FD_VARIABLE: str(report)},
            cwd="/",
            start_new_session=True,
            pass_fds=(report,),
        )
    finally:
        os.close(outputs.stdout.writer)
        os.close(outputs.stderr.writer)
        os.close(report)


async def _drive(process: Process, job: Job, outputs: _Outputs) -> bool:
    """Feed and drain until it ends; True when its time was up first."""
    with move_on_after(job.timeout_s) as clock:
        async with create_task_group() as group:
            group.start_soon(outputs.pump, outputs.stdout, process)
            group.start_soon(outputs.pump, outputs.stderr, process)
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
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return b""


def _read_away(descriptor: int) -> bool:
    """Empty a pipe; True (and closed) when its writers are gone."""
    for _ in range(_PIPE_BYTES // _CHUNK):
        try:
            if not os.read(descriptor, _CHUNK):
                os.close(descriptor)
                return True
        except BlockingIOError:
            break
    return False
