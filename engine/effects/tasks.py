"""The port that reads tasks: what a trial needs of a task's folder goes into the log, and is read from there."""

from collections.abc import Mapping
from pathlib import Path

import anyio
from msgspec import structs

from engine.core.ports import EffectAddress
from events.base import Event
from events.digest import Digest, Fingerprint
from events.store.base import BlobStore
from events.types.evaluation import AnswersAsked, AnswersRead, TaskAnswers
from events.types.trial import StepRead, TaskAsked, TaskRead, TaskReadInSteps
from sandbox.base import SandboxBackend
from sandbox.harbor.schema import TaskStep
from sandbox.harbor.task import DOCKERFILE, Task

TEST_SOURCE = "tests/test_outputs.py"
"""Where a Harbor task keeps its Python checks, by convention."""


class TaskPort:
    """Answers `TaskAsked` and `AnswersAsked` from the task folders of the run."""

    def __init__(self, blobs: BlobStore, tasks: Mapping[str, Task], backend: SandboxBackend) -> None:
        self._blobs = blobs
        self._tasks = tasks
        self._backend = backend
        self._read: dict[str, TaskRead] = {}
        self._reading = anyio.Lock(fast_acquire=True)

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Read a task, or what tasks expect, once for all trials: their digests are pinned when the run starts."""
        del place
        if isinstance(asked, AnswersAsked):
            return AnswersRead(tuple([_answers(name, await self._of(name)) for name in asked.tasks]))
        assert isinstance(asked, TaskAsked)
        return await self._of(asked.task)

    async def _of(self, name: str) -> TaskRead:
        if name not in self._read:
            async with self._reading:  # all its trials may ask at once
                if name not in self._read:
                    self._read[name] = await self._find(self._tasks[name])
        return self._read[name]

    async def _find(self, task: Task) -> TaskRead:
        unknown = [f"task.toml: unknown key {key}" for key in task.unknown_keys]
        texts = [(step, (await anyio.Path(task.instruction_of(step)).read_bytes()).decode()) for step in task.steps]
        told = [f"Step {n} of {len(texts)}, {step.name}:\n\n{text}" for n, (step, text) in enumerate(texts, start=1)]
        read = TaskRead(
            task_digest=Fingerprint(task.digest),
            instruction=self._blobs.put(("\n\n".join(told) or task.instruction).encode()),
            test_source=await self._file(task.path / TEST_SOURCE),
            dockerfile=await self._dockerfile(task),
            agent_timeout_s=task.config.agent.timeout_sec,
            notes=(*unknown, *self._backend.notes(task)),
        )
        if not texts:
            return read
        steps = tuple(StepRead(step.name, self._blobs.put(text.encode()), _limit(task, step)) for step, text in texts)
        return TaskReadInSteps(**structs.asdict(read), steps=steps)

    async def _dockerfile(self, task: Task) -> Digest | None:
        """Keep what the image is built from, which may be less than the file."""
        text = None if task.dockerfile is None else task.dockerfile.text
        return await self._file(task.path / DOCKERFILE) if text is None else self._blobs.put(text.encode())

    async def _file(self, path: Path) -> Digest | None:
        file = anyio.Path(path)
        return self._blobs.put(await file.read_bytes()) if await file.is_file() else None


def _answers(name: str, read: TaskRead) -> TaskAnswers:
    return TaskAnswers(name, read.instruction, read.test_source)


def _limit(task: Task, step: TaskStep) -> float | None:
    return task.config.agent.timeout_sec if step.agent.timeout_sec is None else step.agent.timeout_sec
