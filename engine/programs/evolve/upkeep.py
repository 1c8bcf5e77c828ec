"""What becomes of the skills of a library, once all that was to be measured with it has ended."""

from collections.abc import Sequence

from engine.core.decision import Made
from engine.programs.evolve import points, upkeep_points
from engine.programs.evolve.course import EndedTrials, GivenTrial, LibraryCourse, score_of
from engine.programs.evolve.held_skills import LibrarySkill
from events.types.decision import Seen
from events.types.evolution import (
    MaintainedSkill,
    MaintenanceChosen,
    SkillNarrowed,
    SkillQuarantined,
    SkillReadsAsked,
    SkillReadsFound,
)
from events.types.skill import SkillRetired, SkillRolledBack


async def maintain_skills(course: LibraryCourse, trials: Sequence[GivenTrial], ended: EndedTrials) -> None:
    """Decide what becomes of skills by the held-out trials that read them, and record it.

    Args:
        course: Of the library.
        trials: All that was measured.
        ended: What came of it.

    Raises:
        Stopped: An operator ended it.
    """
    uses: list[upkeep_points.UseSaw] = []
    for trial, result, stream in zip(trials, ended.results, ended.streams, strict=True):
        if trial.passing != "primary" or trial.task.phase != "evaluation":
            continue
        read = await course.scope.effect(SkillReadsAsked(stream))
        assert isinstance(read, SkillReadsFound), "the port of reads answers nothing else"
        reads = Seen(course.scope.at, points.SkillReadsSeen(read.skills))
        uses.append(upkeep_points.UseSaw(trial.task.task, trial.task.environment, score_of(result), reads))
    skills = tuple(upkeep_points.RevisionInForce(each.skill, each.revision) for each in course.held.snapshot.skills)

    def says(ruling: upkeep_points.Maintained, made: Made) -> MaintenanceChosen:
        del made
        return MaintenanceChosen(ruling.skills)

    ruled = await course.scope.decide(
        upkeep_points.MAINTENANCE, upkeep_points.MaintenanceSaw(tuple(uses), skills), says
    )
    for each in ruled.value.skills:
        held = course.held.get(each.skill)
        assert held is not None, "only skills in force are maintained"
        await _maintain(course, held, each)


async def _maintain(course: LibraryCourse, held: LibrarySkill, ruled: MaintainedSkill) -> None:
    scope, name = course.scope, course.name
    match ruled.action:
        case "retire":
            await scope.record(SkillRetired(held.skill, held.revision, ruled.reason, library=name))
            course.held.take_out(held.skill)
        case "quarantine":
            await scope.record(SkillQuarantined(held.skill, held.revision, ruled.reason, name))
            course.held.change(held._replace(quarantined=True))
        case "narrow":
            await scope.record(SkillNarrowed(held.skill, held.revision, ruled.exclude, ruled.reason, name))
            course.held.change(held._replace(narrowed=ruled.exclude))
        case "rollback":
            before = course.held.before(held.skill)
            assert before is not None, "a first revision is not rolled back"
            await scope.record(
                SkillRolledBack(held.skill, held.revision, before.revision, before.digest, ruled.reason, library=name)
            )
            course.held.change(before)
