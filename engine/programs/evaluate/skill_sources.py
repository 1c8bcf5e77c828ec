"""Sources that arms of an evaluation have skills from: what is wrong with them, and which runs they name; pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec.structs import replace

from engine.config.errors import ConfigProblem
from engine.config.skill_source import PER_ITEM, SourceMalformed, read_source
from engine.programs.evaluate.spec import EvaluateSpec

_AXIS: Final = "skills"
"""Of a grid."""


def source_problems(name: str, settings: EvaluateSpec) -> Iterator[ConfigProblem]:
    """Complain about sources of an arm that cannot be read, or be given to what is evaluated."""
    arm = settings.arms[name]
    if (settings.items.folder or settings.sets) and (arm.skills or "").startswith(PER_ITEM):
        problem = f"arm {name} gives each task its own skill, and questions have none"
        remedy = "evaluate tasks alone: leave evaluate.items and evaluate.sets out, or give all items the same skills"
        yield ConfigProblem("the spec", f"evaluate.arms.{name}.skills", problem, remedy)
    for key, text in [("skills", arm.skills), *(("beside", each) for each in arm.beside)]:
        if key == "skills" and not text:
            continue
        problem, remedy = _problem_of(key, text or "")
        if problem:
            yield ConfigProblem("the spec", f"evaluate.arms.{name}.{key}", f"arm {name}: {problem}", remedy)


def _problem_of(key: str, text: str) -> tuple[str, str]:
    remedy = "write a folder, run:RUN, run:RUN/SKILL@REVISION, library:NAME, or per-item: and one of these"
    try:
        source = read_source(text)
    except SourceMalformed as error:
        return str(error), remedy
    if key == "beside" and source.per_item:
        return f"{text!r} gives each task its own", "give all tasks the same skills beside: leave per-item: out"
    return "", ""


def runs_named(settings: EvaluateSpec) -> Iterator[str]:
    """List the runs that the arms of an evaluation, or its grid, have skills from."""
    for text in _sources(settings):
        source = read_source(text)
        if source.kind == "run":
            yield source.place


def renamed(settings: EvaluateSpec, runs: Mapping[str, str]) -> EvaluateSpec:
    """Name each run that skills come from otherwise.

    Args:
        settings: As they are written; each source can be read.
        runs: By what they are called.
    """

    def settled(value: Any) -> Any:
        source = read_source(value) if value and isinstance(value, str) else None
        return value if source is None or source.kind != "run" else source._replace(place=runs[source.place]).text

    arms = {
        name: replace(arm, skills=settled(arm.skills), beside=tuple(map(settled, arm.beside)))
        for name, arm in settings.arms.items()
    }
    grid = {key: tuple(map(settled, values)) if key == _AXIS else values for key, values in settings.grid.items()}
    return replace(settings, arms=arms, grid=grid)


def _sources(settings: EvaluateSpec) -> Iterator[str]:
    for arm in settings.arms.values():
        yield from (each for each in (arm.skills, *arm.beside) if each)
    yield from (each for each in settings.grid.get(_AXIS, ()) if each and isinstance(each, str))
