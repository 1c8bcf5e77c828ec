"""The end of a training: the skills that count are measured anew, and tested."""

from collections.abc import Mapping
from typing import Literal

from engine.programs.train.course import Course, EndedBatch, SkillState
from engine.programs.train.epoch_points import CLOSING, ClosingSaw
from events.digest import Fingerprint
from events.types.training import SkillResult, TrainingClosed, TrainingEnding
from events.values import Ratio

Which = Literal["initial", "best", "final"]


async def measure(course: Course) -> tuple[SkillResult, ...]:
    """Measure the initial, the best and the final skill; what is the same skill is measured once.

    Raises:
        TrainingEnds: There is no money left, or an operator ended it.
    """
    passes = (await course.scope.decide(CLOSING, ClosingSaw(course.planned))).value
    skills: Mapping[Which, SkillState] = {"initial": course.initial, "best": course.best, "final": course.now}
    measured: dict[Fingerprint | None, EndedBatch] = {}
    if passes.selection:
        for which in ("final", "best"):
            await _pass(course, f"{which}.selection", skills[which], measured)
    tested: dict[Fingerprint | None, EndedBatch] = {}
    if passes.test:
        for which, skill in skills.items():
            await _pass(course, f"test.{which}", skill, tested)
    return tuple(
        SkillResult(
            which=which,
            revision=skill.revision,
            digest=skill.digest,
            believed=skill.believed,
            measured=_mean(measured, skill, 0),
            test_hard=_mean(tested, skill, 0),
            test_soft=_mean(tested, skill, 1),
        )
        for which, skill in skills.items()
    )


async def _pass(course: Course, label: str, skill: SkillState, done: dict[Fingerprint | None, EndedBatch]) -> None:
    if skill.digest not in done:
        purpose: Literal["test", "selection"] = "test" if label.startswith("test.") else "selection"
        done[skill.digest] = await course.batch(label, purpose, sorted(course.inputs.items[purpose]), skill)


def _mean(done: Mapping[Fingerprint | None, EndedBatch], skill: SkillState, at: Literal[0, 1]) -> Ratio | None:
    ended = done.get(skill.digest)
    mean = None if ended is None else ended.means[at]
    return None if mean is None else Ratio.of(mean)


def closed(course: Course, ending: TrainingEnding, skills: tuple[SkillResult, ...]) -> TrainingClosed:
    """Say how training ended."""
    return TrainingClosed(
        ending=ending,
        steps=course.step,
        accepted=course.now.revision,
        rejected=course.rejected,
        skipped=course.skipped,
        skills=skills,
    )
