"""Outputs of a command: read all the time, under one limit, and never waited for to the end.

A command's answer must not wait for end-of-file: ``server &`` keeps the pipe open for as long as it lives.
"""

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import anyio

CHUNK: Final = 64 * 1024
_PIPE_BYTES: Final = 1024 * 1024
"""Room in a pipe: the most that can be waiting in it when the command has ended."""


class InheritedPipes:
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


class Output:
    """One output of a command: what was read of it so far."""

    def __init__(self, reader: int) -> None:
        """Begin to read.

        Args:
            reader: The reading end of a pipe, which belongs to this object from now on.
        """
        self.reader = reader
        os.set_blocking(reader, False)
        self._wide = False
        self.kept = bytearray()
        self.total = 0
        self.ended = False

    def read(self) -> bool:
        """Read one chunk; False when there is none now, or no more."""
        try:
            chunk = os.read(self.reader, CHUNK)
        except BlockingIOError:
            return False
        self.kept += chunk
        self.total += len(chunk)
        self.ended = not chunk
        if len(chunk) == CHUNK and not self._wide:
            self._widen()
        return bool(chunk)

    def _widen(self) -> None:
        """Have more room in the pipe of a command that writes much; most write little, and it is theirs that costs."""
        self._wide = True
        with suppress(OSError):  # a user's allowance of pipe memory may be used up; 64 KiB is fine too
            fcntl.fcntl(self.reader, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def finish(self) -> None:
        """Read what the ended command left in the pipe, and no more: others may still write."""
        left = 0 if self.ended else fcntl.fcntl(self.reader, fcntl.F_GETPIPE_SZ)
        until = self.total + left
        while not self.ended and self.total < until and self.read():
            pass

    def release(self, lingering: InheritedPipes) -> None:
        """Close, or hand over what a background process still holds."""
        if self.ended:
            os.close(self.reader)
        else:
            lingering.keep(self.reader)


class Outputs:
    """Both outputs of a command under one limit."""

    def __init__(self, stdout: Output, stderr: Output, limit: int) -> None:
        """Put them together.

        Args:
            stdout: Standard output.
            stderr: Standard error.
            limit: Bytes of both together that are kept.
        """
        self.stdout = stdout
        self.stderr = stderr
        self._limit = limit

    @property
    def over(self) -> bool:
        """Whether more was written than the limit."""
        return self.stdout.total + self.stderr.total > self._limit

    async def pump(self, output: Output, kill: Callable[[], None]) -> None:
        """Read until the end, or until the limit is passed: then kill."""
        while not output.ended:
            await anyio.wait_readable(output.reader)
            output.read()
            if self.over:
                kill()
                return

    def finish(self) -> None:
        """Read what the ended command left behind."""
        self.stdout.finish()
        self.stderr.finish()

    def release(self, lingering: InheritedPipes) -> None:
        """Close both, or hand over what background processes still hold."""
        self.stdout.release(lingering)
        self.stderr.release(lingering)

    def trim(self) -> tuple[bytes, bytes]:
        """What fits: standard error first, because it is short and says why."""
        stderr = bytes(self.stderr.kept[: self._limit])
        return bytes(self.stdout.kept[: self._limit - len(stderr)]), stderr


def _read_away(descriptor: int) -> bool:
    """Empty a pipe; True (and closed) when its writers are gone."""
    for _ in range(_PIPE_BYTES // CHUNK):
        try:
            if not os.read(descriptor, CHUNK):
                os.close(descriptor)
                return True
        except BlockingIOError:
            break
    return False
