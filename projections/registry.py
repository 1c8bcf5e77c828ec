"""Projections by name, through entry points: built-in ones and outsiders' come the same way.

An entry point of the group leads to something that is called without arguments and gives a projection: its class, or a
function that settles its settings.
"""

from collections.abc import Iterator
from importlib.metadata import entry_points
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


class ProjectionMisnamed(StillroomError):
    """Raised when a projection is registered under another name than its own, or a name twice."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"the projection registered as {name!r} cannot be used: {why}",
            remedy="remove or fix the package that registers it; snapshots are kept under a projection's own name",
        )
        self.name = name


def registered() -> tuple[Projection[Any], ...]:
    """Give every registered projection, sorted by name.

    Raises:
        ProjectionMisnamed: A name is taken twice, or is not the projection's own.
    """
    return tuple(_checked())


def projection_named(name: str) -> Projection[Any]:
    """Find a projection.

    Raises:
        ProjectionUnknown: No installed package registers it.
        ProjectionMisnamed: A name is taken twice, or is not the projection's own.
    """
    found = {each.name: each for each in _checked()}
    if name not in found:
        raise ProjectionUnknown(name, tuple(found))
    return found[name]


def spark_pdi_steps() -> PdiSteps:
    """Compute PDI under SPARK's settings by both methods, whatever a run was asked to do; comparable across runs."""
    token, divergence = PdiSettings(method="token_overlap"), PdiSettings(method="js_divergence")
    return PdiSteps({settings.method: settings for settings in (token, divergence)})


def _checked() -> Iterator[Projection[Any]]:
    # A folder may be on the path twice, and then each of its entry points is found twice: the same is no clash.
    points = sorted({(point.name, point.value): point for point in entry_points(group=GROUP)}.items())
    before = ""
    for (name, _), point in points:
        if name == before:
            raise ProjectionMisnamed(name, "two packages register that name")
        before = name
        projection: Projection[Any] = point.load()()
        if projection.name != name:
            raise ProjectionMisnamed(name, f"it calls itself {projection.name!r}")
        yield projection
