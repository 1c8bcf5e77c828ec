"""Where tasks come from: a task's folder, a folder of them, or a dataset of a registry."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from sandbox.errors import RegistryWrong, TaskInvalid
from sandbox.harbor.git_checkout import checkout
from sandbox.harbor.registry import DatasetReference, RegisteredTask, find_dataset, source_in
from sandbox.harbor.task import Incomplete, Task, TaskFolders, find_tasks, incomplete, load_task


class DatasetPaths(NamedTuple):
    """What this machine has to find tasks by."""

    base: Path
    """Against which relative paths are read."""
    cache: Path | None
    """Folder for what git fetches. None: nothing can be."""


def tasks_named(text: str, places: DatasetPaths, only: Collection[str] = ()) -> TaskFolders:
    """Find the tasks that a person names.

    Args:
        text: A folder, or ``registry.json#name@version``.
        places: Where to look.
        only: Of a registry, fetch no more than these. Empty: all.

    Raises:
        TaskInvalid: A task folder cannot be read, or there is none.
        RegistryWrong: A registry cannot be read, or does not hold what is asked of it.
        TaskNotFetched: Git does not bring one of its tasks.
    """
    source = None if (places.base / text).is_dir() else source_in(text)
    return find_tasks(places.base / text) if source is None else _registered(source, places, only)


def _registered(source: DatasetReference, places: DatasetPaths, only: Collection[str]) -> TaskFolders:
    dataset = find_dataset(source, places.base)
    names = [each.folder for each in dataset.tasks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        remedy = "a run knows tasks by the names of their folders: move them to two datasets"
        raise RegistryWrong(source.file, f"{dataset.name} has two tasks named {', '.join(twice)}", remedy=remedy)
    missing = sorted(set(only) - set(names))
    if missing:
        remedy = f"there is {', '.join(sorted(names)) or 'none'}"
        raise RegistryWrong(source.file, f"{dataset.name} has no task {', '.join(missing)}", remedy=remedy)
    tasks: list[Task] = []
    unread: list[Incomplete] = []
    for each in dataset.tasks:
        if not only or each.folder in only:
            try:
                tasks.append(load_task(_folder(each, source, places)))
            except TaskInvalid as error:
                unread.append(incomplete(each.folder, error))
    if not tasks:
        reasons = "; ".join(each.reason for each in unread) or "it lists none"
        remedy = "fix the paths in the registry; those without a git_url are read from the registry's own folder"
        raise RegistryWrong(source.file, f"{dataset.name} holds no task that can be read: {reasons}", remedy=remedy)
    tasks.sort(key=lambda task: task.name)
    return TaskFolders(tasks=tuple(tasks), incomplete=tuple(unread))


def _folder(task: RegisteredTask, source: DatasetReference, places: DatasetPaths) -> Path:
    """Find a task's folder, which must not lie outside its repository."""
    if task.git_url is None:
        return (places.base / source.file).parent / Path(task.path).expanduser()
    root = checkout(task.git_url, task.git_commit_id, places.cache).resolve()
    folder = (root / task.path).resolve()
    if not folder.is_relative_to(root):
        remedy = "write a path below the repository"
        raise RegistryWrong(source.file, f"{task.name}: {task.path} leads out of its repository", remedy=remedy)
    return folder
