"""The sets of questions of an evaluation, by name."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.programs.evaluate.grid import ORIGIN
from engine.programs.evaluate.spec import EvaluateSpec, ItemsSpec

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def set_name(items: ItemsSpec) -> str:
    """Name a set after its folder."""
    return PurePosixPath(items.folder).name


def sets_of(settings: EvaluateSpec) -> Mapping[str, ItemsSpec]:
    """Give the sets of questions by their names: ``evaluate.items`` by that of its folder, then ``evaluate.sets``."""
    first = {set_name(settings.items): settings.items} if settings.items.folder else {}
    return {**first, **{name: settings.sets[name] for name in sorted(settings.sets)}}


def set_of_item(names: Iterable[str], item: str) -> str | None:
    """Name the set that an item of an evaluation belongs to. None: it is a task."""
    return max((name for name in names if item.startswith(f"{name}.")), key=len, default=None)


def refuse_shared_names(names: Iterable[str], tasks: Iterable[str]) -> None:
    """See that no task is called as an item of a set may be: its scores would be those of the item, too.

    Raises:
        ConfigRefused: One is.
    """
    known = tuple(names)
    shared = [(task, of) for task in tasks if (of := set_of_item(known, task)) is not None]
    if shared:
        problems = [f"the task {task} has a name that an item of the set {of} may have" for task, of in shared]
        remedy = "evaluate tasks and questions apart, or rename the task"
        raise ConfigRefused([ConfigProblem(ORIGIN, "tasks", each, remedy) for each in problems])


def wrong_sets(settings: EvaluateSpec) -> Iterator[ConfigProblem]:
    """Complain about sets that cannot be told apart, or are none."""
    for name, items in sorted(settings.sets.items()):
        key = f"evaluate.sets.{name}"
        if not _NAME.fullmatch(name):
            problem = f"{name!r} cannot be the name of a set: it stands in names of items"
            yield ConfigProblem(ORIGIN, key, problem, "name it with letters, digits, underscores and hyphens")
        if not items.folder:
            yield ConfigProblem(ORIGIN, f"{key}.folder", f"the set {name} has no folder", "name the folder of the set")
        if settings.items.folder and name == set_name(settings.items):
            problem = f"two sets are called {name}: this one, and evaluate.items after its folder"
            yield ConfigProblem(ORIGIN, key, problem, "give it another name")
        if settings.items.folder and set_name(settings.items).startswith(f"{name}."):
            problem = f"items of {set_name(settings.items)} may have names that items of {name} have, too"
            yield ConfigProblem(ORIGIN, key, problem, "give it a name that the other does not begin with")
