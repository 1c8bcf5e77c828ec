"""The port that reads tasks: what a trial needs of a task's folder goes into the log, and is read from there."""

from collections.abc import Mapping
from pathlib import Path

import anyio

from engine.ports import Place
from events.base import Event
from events.digest import Digest, Fingerprint
from events.log import BlobStore
from events.trial import TaskAsked, TaskRead
from sandbox.base import SandboxBackend
from sandbox.task import DOCKERFILE, Task

TEST_SOURCE = "tests/test_outputs.py"
"""Where a Harbor task keeps its Python checks, by convention."""


class TaskPort:
    """Answers `TaskAsked` from the task folders of the run."""

    def __init__(self, blobs: BlobStore, tasks: Mapping[str, Task], backend: SandboxBackend) -> None:
        self._blobs = blobs
        self._tasks = tasks
        self._backend = backend
        self._read: dict[str, TaskRead] = {}

    async def __call__(self, asked: Event, place: Place) -> Event:
        """Read the task, once for all its trials: its digest is pinned when the run starts."""
        del place
        assert isinstance(asked, TaskAsked)
        if asked.task not in self._read:
            self._read[asked.task] = await self._find(self._tasks[asked.task])
        return self._read[asked.task]

    async def _find(self, task: Task) -> TaskRead:
        unknown = [f"task.toml: unknown key {key}" for key in task.unknown_keys]
        return TaskRead(
            task_digest=Fingerprint(task.digest),
            instruction=self._blobs.put(task.instruction.encode()),
            test_source=await self._file(task.path / TEST_SOURCE),
            dockerfile=await self._file(task.path / DOCKERFILE),
            agent_timeout_s=task.config.agent.timeout_sec,
            notes=(*unknown, *self._backend.notes(task)),
        )

    async def _file(self, path: Path) -> Digest | None:
        file = anyio.Path(path)
        return self._blobs.put(await file.read_bytes()) if await file.is_file() else None
