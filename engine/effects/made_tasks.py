"""Tasks that a run makes: folders of files that its log holds, for sandboxes to open as they open any other task."""

import shutil
from collections.abc import Iterable, MutableMapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import anyio
from anyio import to_thread

from engine.core.ports import EffectAddress
from events.base import Event, Recorded
from events.digest import Fingerprint
from events.store.base import BlobStore
from events.types.construction import RenderAsked, RenderedFile, RenderRefused, TaskRendered
from sandbox.base import SandboxBackend
from sandbox.errors import TaskInvalid
from sandbox.harbor.lint import broken
from sandbox.harbor.task import Task, load_task

_PREFIX: Final = "stillroom-tasks-"


class MadeTasks:
    """Answers `RenderAsked`: makes a folder, and has it known among the tasks of the run."""

    def __init__(self, blobs: BlobStore, backend: SandboxBackend, tasks: MutableMapping[str, Task]) -> None:
        """Prepare.

        Args:
            blobs: Where files are kept.
            backend: Opens sandboxes for them.
            tasks: Those of the run, by name; made ones are put in.
        """
        self._blobs = blobs
        self._backend = backend
        self._tasks = tasks
        self._root: Path | None = None
        self._making = anyio.Lock(fast_acquire=True)

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Make it; what is no task, or none that can run here, is an outcome."""
        del place
        assert isinstance(asked, RenderAsked)
        try:
            task = await self._made(asked.task, asked.files)
        except TaskInvalid as error:
            return RenderRefused(error.problem)
        refused = [*self._backend.check(task), *(f"{each.place}: {each.what}" for each in broken(task))]
        if refused:
            return RenderRefused("; ".join(refused))
        self._tasks[asked.task] = task
        return TaskRendered(asked.task, Fingerprint(task.digest), asked.files)

    async def recall(self, history: Iterable[Recorded]) -> None:
        """Make the tasks again that an earlier process made, from the log."""
        for each in history:
            if isinstance(each.event, TaskRendered):
                self._tasks[each.event.task] = await self._made(each.event.task, each.event.files)

    async def _made(self, name: str, files: Sequence[RenderedFile]) -> Task:
        async with self._making:
            held = [(each, await self._blobs.get(each.digest)) for each in files]
            if self._root is None:
                self._root = Path(await to_thread.run_sync(lambda: mkdtemp(prefix=_PREFIX)))
            folder = self._root / name
            await to_thread.run_sync(write_files, folder, held)
        return await to_thread.run_sync(load_task, folder)

    async def close(self) -> None:
        """Remove what was made."""
        if self._root is not None:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(lambda: shutil.rmtree(self._root or "", ignore_errors=True))


def write_files(folder: Path, files: Sequence[tuple[RenderedFile, bytes]]) -> None:
    """Write files into a folder that is made for them.

    Raises:
        TaskInvalid: A path leads out of it.
    """
    for each, data in files:
        path = folder / each.path
        if Path(each.path).is_absolute() or ".." in Path(each.path).parts:
            raise TaskInvalid(folder.name, each.path, "leads out of the task's folder", remedy="give a path within it")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if each.runs else 0o644)
