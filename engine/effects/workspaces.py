"""Sandboxes for what is no task: an image by its Dockerfile, and files in the working folder."""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import Final

import anyio

from events.digest import Digest
from events.store.base import BlobStore
from events.types.sandbox import FilesTaken, SandboxAsked, Workspace
from events.values import NamedDigest
from sandbox.base import MIB, Sandbox
from sandbox.errors import PathRefused
from sandbox.harbor.dockerfile.parser import parse_dockerfile
from sandbox.harbor.schema import Environment, TaskConfig
from sandbox.harbor.task import DOCKERFILE, Task

_PREFIX: Final = "stillroom-"
_LARGEST: Final = 64 * MIB
"""Bytes of a file that is taken out of a sandbox."""


def workspace_task(name: str, folder: Path, dockerfile: str) -> Task:
    """Make a task with nothing but an environment, without a network.

    Args:
        name: Of the task.
        folder: Where its Dockerfile is written; below a folder that is removed by whoever made it.
        dockerfile: Its text.

    Raises:
        TaskInvalid: The Dockerfile cannot be read.
    """
    (folder / DOCKERFILE).parent.mkdir(parents=True)
    (folder / DOCKERFILE).write_text(dockerfile)
    return Task(
        name=name,
        path=folder,
        instruction="",
        config=TaskConfig(environment=Environment(network_mode="no-network")),
        digest=Digest(""),
        unknown_keys=(),
        forgiven=(),
        has_solution=False,
        dockerfile=parse_dockerfile(name, dockerfile),
        has_compose=False,
    )


class WorkspaceTasks:
    """Makes of a workspace what sandbox backends open: a task with nothing but an environment."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._root: Path | None = None
        self._made: dict[Digest, Task] = {}
        self._making = anyio.Lock(fast_acquire=True)

    async def of(self, asked: SandboxAsked, workspace: Workspace) -> Task:
        """Give the task of a workspace. Those of one Dockerfile share a build context, and so an image.

        Raises:
            TaskInvalid: Its Dockerfile cannot be read.
        """
        async with self._making:
            if workspace.dockerfile not in self._made:
                text = (await self._blobs.get(workspace.dockerfile)).decode("utf-8", "replace")
                self._made[workspace.dockerfile] = await anyio.to_thread.run_sync(self._make, asked.task, text)
        return self._made[workspace.dockerfile]

    def _make(self, name: str, dockerfile: str) -> Task:
        if self._root is None:
            self._root = Path(mkdtemp(prefix=_PREFIX))
        folder = self._root / str(len(self._made) + 1)
        return workspace_task(name, folder, dockerfile)

    async def lay_out(self, sandbox: Sandbox, files: Sequence[NamedDigest]) -> None:
        """Write the files of a workspace into a sandbox."""
        for each in files:
            await sandbox.write_file(path_in(sandbox, each.name), await self._blobs.get(each.digest))

    async def take(self, sandbox: Sandbox, names: Sequence[str]) -> FilesTaken:
        """Read files that were left in a sandbox, once nothing in it can change them any more."""
        await sandbox.halt()
        found: list[NamedDigest] = []
        missing: dict[str, str] = {}
        for name in names:
            try:
                data = await sandbox.read_file(path_in(sandbox, name), max_bytes=_LARGEST)
            except PathRefused as error:
                missing[name] = error.problem
            else:
                found.append(NamedDigest(name, self._blobs.put(data)))
        return FilesTaken(tuple(found), missing)

    async def close(self) -> None:
        """Remove what was made."""
        if self._root is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(partial(shutil.rmtree, self._root, ignore_errors=True))


def path_in(sandbox: Sandbox, name: str) -> str:
    """Place a file in the working folder of a sandbox.

    Raises:
        PathRefused: It would lie outside.
    """
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts:
        raise PathRefused(name, "it leads out of the working folder")
    return f"{sandbox.workdir.rstrip('/')}/{relative}"
