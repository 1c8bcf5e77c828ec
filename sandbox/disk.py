"""What sandboxes may write in all, watched: no engine here has quotas, so that only looking tells.

Two looks a second at the free space of the file system they write to, which costs nothing however many there are. When
as much is gone as one of them may still write, all are measured; else one now and then, in turn, since others give
space back meanwhile. Between two looks a sandbox may write as fast as the disk takes it: so much it may overstep.
"""

from collections.abc import Awaitable, Callable
from os import statvfs
from pathlib import Path
from typing import Final

import anyio
from msgspec import Struct, structs

from sandbox.base import MIB, ExecResult, Limits, Sandbox
from sandbox.errors import InfrastructureError, SandboxLost
from sandbox.harbor.task import Task

LOOK_S: Final = 0.5
"""Seconds between two looks at the free space."""
TURN_S: Final = 2.0
"""Seconds between two measurements that nothing calls for, at least."""
SHARE: Final = 20
"""Such a measurement takes no more than this part of the time: large trees are slow to walk."""


class _Watched(Struct):
    """One sandbox."""

    sandbox: Sandbox
    limit: int
    used: int = 0
    """Bytes when it was last measured."""
    ceiling: int = 0
    """Bytes at which it is stopped."""
    untold: bool = False
    """Whether it was stopped, and nobody has been told yet."""
    stopping: anyio.Event | None = None
    """Set once it is stopped. None: it was not."""

    def over(self) -> bool:
        """Whether whoever uses it now is to be told."""
        return self.untold


def disk_limit(task: Task, limits: Limits) -> int:
    """Give how many bytes a sandbox of a task may write: the task's own figure, or the usual one."""
    asked = task.config.environment.storage_mb
    return limits.disk_bytes if asked is None else asked * MIB


class DiskWatch:
    """Watches the open sandboxes of a run."""

    def __init__(self, folder: Path | None) -> None:
        """Begin with none.

        Args:
            folder: On the file system that sandboxes write to. None: it cannot be looked at.
        """
        self._folder = folder
        self._watched: dict[str, _Watched] = {}
        self._turn_at = 0.0
        self._free: int | None = None

    def add(self, sandbox: Sandbox, limit: int) -> None:
        """Watch a sandbox from now on.

        Args:
            sandbox: Which.
            limit: Bytes it may write in all.
        """
        self._watched[sandbox.id] = _Watched(sandbox, limit, ceiling=limit)

    def forget(self, sandbox: Sandbox) -> None:
        """Let go of one that is closed, or about to be."""
        self._watched.pop(sandbox.id, None)

    def anew(self, sandbox: Sandbox) -> None:
        """Let a sandbox write as much again: the verifier must not pay for what the agent left."""
        watched = self._watched.get(sandbox.id)
        if watched is not None:
            watched.ceiling = max(watched.used, watched.limit) + watched.limit
            watched.untold = False

    async def during(self, sandbox: Sandbox, act: Callable[[], Awaitable[ExecResult]]) -> ExecResult:
        """Carry out a command, and say so if it was stopped because too much was written.

        What was written between commands, by a process in the background, is told by the next one, which is not run.

        Raises:
            SandboxLost: It broke by itself.
        """
        watched = self._watched.get(sandbox.id)
        if watched is None:
            return await act()
        if watched.over():
            return await _stopped(watched, None)
        try:
            result = await act()
        except SandboxLost:
            if not watched.over():
                raise
            return await _stopped(watched, None)
        return await _stopped(watched, result) if watched.over() else result

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            await anyio.sleep(LOOK_S)
            if self._watched:
                await self.look()

    async def look(self) -> None:
        """Look once, and stop every sandbox that is found to have written too much."""
        if self._folder is not None and await self._much_is_gone(self._folder):
            await self._measure_all()
        elif anyio.current_time() >= self._turn_at and self._watched:
            began = anyio.current_time()
            name, each = next(iter(self._watched.items()))
            self._watched[name] = self._watched.pop(name)
            await self._measure(each)
            took = anyio.current_time() - began
            self._turn_at = anyio.current_time() + max(TURN_S, SHARE * took)

    async def _much_is_gone(self, folder: Path) -> bool:
        """Say whether so much was written since this was last true that one of them may have reached its ceiling."""
        free = await anyio.to_thread.run_sync(_free, folder)
        if self._free is None or free is None or free > self._free:
            self._free = free
            return False
        # All may have been closed while the file system was asked.
        room = min((each.ceiling - each.used for each in self._watched.values()), default=None)
        if room is None or self._free - free < room:
            return False
        self._free = free
        return True

    async def _measure_all(self) -> None:
        """Measure each; one that cannot be measured keeps no other from it, and is told of at the end."""
        failures: list[Exception] = []
        for each in list(self._watched.values()):
            try:
                await self._measure(each)
            except Exception as error:  # noqa: BLE001 - raised below
                failures.append(error)
        if failures:
            raise failures[0]

    async def _measure(self, watched: _Watched) -> None:
        try:
            watched.used = await watched.sandbox.disk_bytes()
            if watched.used <= watched.ceiling or watched.sandbox.id not in self._watched:
                return
            watched.untold, watched.stopping = True, anyio.Event()
            # Nothing more may be written than what stands there now, but for what the next look lets pass.
            watched.ceiling = watched.used
            try:
                await watched.sandbox.halt()
            finally:
                watched.stopping.set()
        except (InfrastructureError, OSError):
            # It broke, and whoever uses it next is told so: one sandbox must not end the watch over the others.
            return


async def _stopped(watched: _Watched, result: ExecResult | None) -> ExecResult:
    """Tell of a command that was stopped, or of one that was not begun."""
    if watched.stopping is not None:
        await watched.stopping.wait()
    watched.untold = False
    said = f"stillroom: this sandbox wrote {watched.used} bytes and may write {watched.limit}: all in it was ended\n"
    note = said.encode()
    if result is None:
        return ExecResult(None, b"", note, "disk", 0, len(note))
    stderr = result.stderr + note
    return structs.replace(
        result, exit_code=None, ended="disk", stderr=stderr, stderr_bytes=result.stderr_bytes + len(note)
    )


def _free(folder: Path) -> int | None:
    try:
        found = statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
