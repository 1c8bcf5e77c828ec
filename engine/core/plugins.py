"""What installed packages register, by name, through entry points: built-in parts and outsiders' come the same way.

A package is imported when a part of it is used, so one that is broken breaks nothing else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, distributions, entry_points
from typing import Any, ClassVar, TypeVar

from engine.core.errors import EngineError, NameUnknown
from events.errors import ExitCode

T = TypeVar("T")


class PluginBroken(EngineError):
    """Raised when a registered part cannot be used.

    Attributes:
        group: Of entry points.
        name: As it is registered.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, kind: str, group: str, points: Sequence[EntryPoint], why: str) -> None:
        name, values = points[0].name, " and ".join(sorted({point.value for point in points}))
        packages = ", ".join(sorted({point.dist.name for point in points if point.dist is not None})) or "unknown"
        super().__init__(
            f"the {kind} {name!r} ({values}, package {packages}) cannot be used: {why}",
            remedy=f"fix or remove the package that registers it under {group!r}; nothing else depends on it",
        )
        self.group = group
        self.name = name


def plugin_names(group: str) -> tuple[str, ...]:
    """List what installed packages register in a group, sorted. Nothing is imported."""
    return tuple(sorted(_installed(group)))


def plugin(group: str, kind: str, name: str, has: tuple[str, ...] = ()) -> Any:
    """Import what is registered under a name.

    Args:
        group: Of entry points, such as ``stillroom.providers``.
        kind: What it is, for people, such as ``provider``.
        name: Which.
        has: Attributes that it must have.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: It cannot be imported, lacks an attribute, or two packages register that name.
    """
    found = _installed(group)
    if name not in found:
        raise NameUnknown(kind, name, tuple(sorted(found)))
    loaded = _loaded(group, kind, name, has)
    if isinstance(loaded, PluginBroken):
        raise loaded.with_traceback(None) from loaded.__cause__
    return loaded


@cache
def _loaded(group: str, kind: str, name: str, has: tuple[str, ...]) -> Any:
    """Import a part once: a module that cannot be imported would be executed again by everyone who asks."""
    points = _installed(group)[name]
    if len({point.value for point in points}) > 1:
        return PluginBroken(kind, group, points, "two packages register that name")
    try:
        loaded = points[0].load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - another package may do anything; a script that was never meant to be imported exits
        return failing(group, kind, name, error)
    lacks = [each for each in has if not hasattr(loaded, each)]
    return PluginBroken(kind, group, points, f"it has no {', '.join(lacks)}") if lacks else loaded


def failing(group: str, kind: str, name: str, error: BaseException) -> PluginBroken:
    """Say that a registered part failed where it should have been made."""
    broken = PluginBroken(kind, group, _installed(group)[name], f"{type(error).__name__}: {error}")
    broken.__cause__ = error
    return broken


def usable(names: Iterable[str], find: Callable[[str], T]) -> Mapping[str, T]:
    """Find those parts that can be used: who lists all of them is not stopped by one that is broken.

    Args:
        names: Of the parts.
        find: Finds one, and raises `PluginBroken` if it cannot be used.
    """
    return dict(_usable(names, find))


def _usable(names: Iterable[str], find: Callable[[str], T]) -> Iterator[tuple[str, T]]:
    for name in names:
        try:
            yield name, find(name)
        except PluginBroken:
            continue


def package_of(group: str, kind: str, name: str) -> str:
    """Name the package and version that registers a part, such as ``stillroom@1.0``. Nothing is imported.

    Raises:
        NameUnknown: No installed package registers it.
    """
    found = _installed(group)
    if name not in found:
        raise NameUnknown(kind, name, tuple(sorted(found)))
    owner = found[name][0].dist
    return "unknown" if owner is None else f"{owner.name}@{owner.version}"


def package_of_module(module: str) -> str | None:
    """Name the package that registers some part of ours from the same top-level module. None: no installed one does."""
    top = module.partition(".")[0]
    found = (
        owner.name
        for owner in distributions()
        for each in owner.entry_points
        if each.group.startswith("stillroom.") and each.value.partition(":")[0].partition(".")[0] == top
    )
    return next(found, None)


def look_again() -> None:
    """Forget what was found: for a process that installs packages while it runs."""
    _installed.cache_clear()
    _loaded.cache_clear()


@cache
def _installed(group: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """Look once: it reads a file of every installed package, and each trial of a thousand asks."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=group):
        found[point.name] = (*found.get(point.name, ()), point)
    return found
