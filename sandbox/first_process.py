"""The first process of a namespace, seen from outside: with it everything in the namespace ends."""

import os
import select
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio

_FLAGS: Final = 6
"""Place of a process's flags in ``/proc/<pid>/stat``, counted behind its name."""
_EXITING: Final = 0x4
"""``PF_EXITING`` in the kernel's ``sched.h``."""


class First:
    """Process 1 of the namespace, by a descriptor: a number could be another process's by now."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)

    @property
    def alive(self) -> bool:
        """Whether it runs and is not about to end: it ends all others first, and those are seen to end earlier."""
        ended = select.poll()  # unlike `select.select`, it takes descriptors above 1023
        ended.register(self._descriptor, select.POLLIN)
        if ended.poll(0):
            return False
        try:
            told = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return not int(told.rpartition(")")[2].split()[_FLAGS]) & _EXITING

    async def kill(self) -> None:
        """Kill it. It is only dead when all others of its namespace are, so none writes afterwards."""
        try:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            await anyio.wait_readable(self._descriptor)
        finally:
            os.close(self._descriptor)
