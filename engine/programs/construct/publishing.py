"""Putting a task where people find it: whole or not at all, and never over something else."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from anyio import to_thread

from engine.core.ports import EffectAddress
from engine.effects.made_tasks import write_files
from events.base import Event
from events.digest import Fingerprint
from events.store.base import BlobStore
from events.types.construction import PublishAsked, PublishRefused, RenderedFile, TaskPublished
from sandbox.errors import TaskInvalid
from sandbox.harbor.task import package_digest

_HIDDEN: Final = ".stillroom-"
"""What the name of a folder begins with that is being written; collections of tasks pass it over."""


class PublishPort:
    """Answers `PublishAsked`."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Publish; where the same task stands there already, such as after a crash, that is what was asked for."""
        assert isinstance(asked, PublishAsked)
        held = [(each, await self._blobs.get(each.digest)) for each in asked.files]
        scratch = f"{_HIDDEN}{asked.name}-{place.run}"
        return await to_thread.run_sync(publish, Path(asked.folder), asked.name, scratch, held)


def publish(folder: Path, name: str, scratch: str, files: Sequence[tuple[RenderedFile, bytes]]) -> Event:
    """Write a task beside its place, and move it there in one step.

    Args:
        folder: In which tasks stand.
        name: Of the task's folder.
        scratch: Name of the folder that it is written to first; what an earlier try left there is removed.
        files: With their bytes.
    """
    target, made = folder / name, folder / scratch
    try:
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        write_files(made, files)
        digest = Fingerprint(package_digest(made))
        if target.exists() or target.is_symlink():
            same = target.is_dir() and Fingerprint(package_digest(target)) == digest
            shutil.rmtree(made, ignore_errors=True)
            return TaskPublished(name, digest) if same else PublishRefused(f"{name} stands there, and is another task")
        _synced(made)
        made.rename(target)
        _sync(folder)
    except (OSError, TaskInvalid) as error:
        shutil.rmtree(made, ignore_errors=True)
        return PublishRefused(f"it cannot be written: {error}")
    return TaskPublished(name, digest)


def _synced(folder: Path) -> None:
    """Have everything below a folder on the disk before it gets its name."""
    for path in sorted(folder.rglob("*"), reverse=True):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
