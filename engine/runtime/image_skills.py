"""Skills that images of tasks bring beside those that arms give: found before a run begins, and said."""

from collections.abc import Iterator, Sequence

from anyio import to_thread

from engine.config.program import FitsTasks
from engine.config.program_registry import program_named
from engine.config.spec import RunSpec
from engine.runtime.context import RunContext
from events.types.session import FoundImageSkills
from sandbox.harbor.task import Task

_TOLD = 5
"""Tasks that are named; the others are counted."""


async def found_in_images(setting: RunContext, spec: RunSpec, tasks: Sequence[Task]) -> tuple[FoundImageSkills, ...]:
    """Find them, and tell whoever starts the run. Empty: there are none, or the program takes no notice."""
    found = await to_thread.run_sync(_found, spec, tasks)
    for line in _told(found):
        setting.warn(line)
    return found


def _found(spec: RunSpec, tasks: Sequence[Task]) -> tuple[FoundImageSkills, ...]:
    program = program_named(spec.program)
    if not isinstance(program, FitsTasks):
        return ()
    return tuple(each for task in tasks if (each := program.image_skills(spec, task)) is not None)


def _told(found: Sequence[FoundImageSkills]) -> Iterator[str]:
    """Word it."""
    stripped = [each for each in found if each.found and each.stripped]
    kept = [each for each in found if each.found and not each.stripped]
    left = [each for each in found if each.left]
    for some, what in (
        (stripped, "bring skills of their own, which are left out in every arm"),
        (kept, "bring skills of their own, which are kept in every arm"),
        (left, "may bring skills that cannot be left out: whether an agent reads one is not known"),
    ):
        if some:
            more = f" and {len(some) - _TOLD} more" if len(some) > _TOLD else ""
            said = ((each.task, each.left if some is left else each.found) for each in some[:_TOLD])
            places = "; ".join(f"{task} ({', '.join(where)})" for task, where in said)
            yield f"the images of {len(some)} tasks {what}: {places}{more}"
