"""The actor that trains a skill: a straight line of epochs and steps, on its own stream."""

from typing import Final

from engine.config.program import RunPlan
from engine.core.scope import Scope, Stopped
from engine.programs.train import points
from engine.programs.train.closing import closed, measure
from engine.programs.train.course import Course, SkillState, TrainingEnds, TrainInputs
from engine.programs.train.document import files_of_ref
from engine.programs.train.epoch_end import end_epoch
from engine.programs.train.gate_points import IdleSeen
from engine.programs.train.spec import PURPOSES
from engine.programs.train.step import Step
from events.types.decision import Seen
from events.types.training import DoNothingScored, EpochPlanned, PlannedSet, TrainingEnding, TrainingPlanned
from events.values import Ratio

START: Final = "start"
"""Label of the first pass."""


async def train(scope: Scope, plan: RunPlan, inputs: TrainInputs) -> str:
    """Train a skill; give how it ended, in a word."""
    course = Course(scope, plan, inputs)
    ending: TrainingEnding = "completed"
    try:
        await _begin(course)
        await _epochs(course)
        skills = await measure(course)
    except TrainingEnds as ends:
        ending, skills = ends.ending, ()
    except Stopped:
        ending, skills = "stopped", ()
    await scope.record(closed(course, ending, skills))
    return ending


async def _begin(course: Course) -> None:
    """Record what training begins with, and score the initial skill."""
    scope, inputs = course.scope, course.inputs
    condition = course.base
    files = files_of_ref(condition.skills[0]) if condition.skills else ()
    opened = {purpose: inputs.sets[purpose].value for purpose in PURPOSES if purpose in inputs.sets}
    sets = tuple(
        PlannedSet(purpose, each.name, each.digest, tuple(inputs.items[purpose])) for purpose, each in opened.items()
    )
    at = await scope.record(TrainingPlanned(course.name, files, sets))
    course.planned = Seen(at, points.SetsSeen(sets))
    course.initial = course.best = course.now = await course.read(files, at)
    await _do_nothing(course)
    names = sorted(inputs.items["selection"])
    course.start = await course.batch(START, "selection", names, course.now)
    believed = course.start.means[0]
    measured = course.now._replace(believed=None if believed is None else Ratio.of(believed))
    course.initial = course.best = course.now = measured


async def _do_nothing(course: Course) -> None:
    """Say which selection items are right if nobody works on them; tasks are tried for it."""
    items = [each for each in course.inputs.items["selection"].values() if each.read is not None]
    untouched = await course.untouched()
    if not items and untouched is None:
        return
    saw = points.DoNothingSaw(
        tuple(each.read for each in items if each.read is not None),
        tuple(each.name for each in items),
        course.inputs.shown,
        untouched,
    )
    ruled = await course.scope.decide(
        points.DO_NOTHING, saw, lambda ruling, _: DoNothingScored(ruling.solved, ruling.measured)
    )
    course.idle = Seen(ruled.seen, IdleSeen(ruled.value.solved))


async def _epochs(course: Course) -> None:
    """Go through the epochs that are planned."""
    before: SkillState | None = None
    while True:
        saw = points.EpochSaw(course.planned, course.epoch + 1)
        planned = await course.scope.decide(
            points.EPOCH, saw, lambda ruling, _: EpochPlanned(ruling.epoch, ruling.steps)
        )
        if not planned.value.steps:
            return
        course.epoch += 1
        course.notes = []
        for number, step in enumerate(planned.value.steps, start=1):
            await Step(course, step, number).run()
        await end_epoch(course, before)
        before = course.now
