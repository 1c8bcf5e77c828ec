"""Projections by name, through entry points: built-in ones and outsiders' come the same way.

An entry point of the group leads to something that is called without arguments and gives a projection: its class, or a
function that settles its settings.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Final

from events.errors import ExitCode, StillroomError
from projections.base import Projection
from projections.pdi.index import PdiSettings
from projections.pdi.steps import PdiSteps

GROUP: Final = "stillroom.projections"


class ProjectionUnknown(StillroomError):
    """Raised when a projection is asked for that no installed package registers."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"no projection is called {name!r}",
            remedy=f"name one of {', '.join(known)}, or install the package that registers it under {GROUP!r}",
        )
        self.name = name


class ProjectionBroken(StillroomError):
    """Raised when a registered projection cannot be used: it cannot be imported, or its name is not its own alone."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, name: str, points: Sequence[EntryPoint], why: str) -> None:
        values = " and ".join(sorted({point.value for point in points}))
        packages = ", ".join(sorted({point.dist.name for point in points if point.dist is not None})) or "unknown"
        super().__init__(
            f"the projection registered as {name!r} ({values}, package {packages}) cannot be used: {why}",
            remedy="remove or fix the package that registers it; no other projection depends on it",
        )
        self.name = name


def registered() -> tuple[Projection[Any], ...]:
    """Give every registered projection that can be used, sorted by name; `broken` gives the others."""
    return tuple(each for each in map(_loaded, _found().values()) if not isinstance(each, ProjectionBroken))


def broken() -> tuple[ProjectionBroken, ...]:
    """Say of each registered projection that cannot be used why, sorted by name."""
    return tuple(each for each in map(_loaded, _found().values()) if isinstance(each, ProjectionBroken))


def projection_named(name: str) -> Projection[Any]:
    """Find a projection.

    Raises:
        ProjectionUnknown: No installed package registers it.
        ProjectionBroken: It cannot be imported, the name is taken twice, or is not the projection's own.
    """
    found = _found()
    if name not in found:
        raise ProjectionUnknown(name, tuple(found))
    projection = _loaded(found[name])
    if isinstance(projection, ProjectionBroken):
        raise projection
    return projection


def spark_pdi_steps() -> PdiSteps:
    """Compute PDI under SPARK's settings by both methods, whatever a run was asked to do; comparable across runs."""
    token, divergence = PdiSettings(method="token_overlap"), PdiSettings(method="js_divergence")
    return PdiSteps({settings.method: settings for settings in (token, divergence)})


def _found() -> Mapping[str, tuple[EntryPoint, ...]]:
    """List the entry points by name, sorted."""
    # A folder may be on the path twice, and then each of its entry points is found twice: the same is no clash.
    points = {(point.name, point.value): point for point in entry_points(group=GROUP)}
    names = sorted({name for name, _ in points})
    return {name: tuple(point for (other, _), point in sorted(points.items()) if other == name) for name in names}


def _loaded(points: tuple[EntryPoint, ...]) -> Projection[Any] | ProjectionBroken:
    name = points[0].name
    if len(points) > 1:  # snapshots are kept by name: one would be read as the other's
        return ProjectionBroken(name, points, "two packages register that name")
    try:
        projection: Projection[Any] = points[0].load()()
        own = projection.name
    except (Exception, SystemExit) as error:  # noqa: BLE001 - another package may do anything
        broken = ProjectionBroken(name, points, f"{type(error).__name__}: {error}")
        broken.__cause__ = error
        return broken
    return projection if own == name else ProjectionBroken(name, points, f"it calls itself {own!r}")
