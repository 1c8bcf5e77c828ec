"""Learning from a trial: whether the author is asked, what it writes, whether that is put in force."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from engine.core.decision import Made
from engine.core.scope import Child
from engine.policies.library.patch import Patch
from engine.programs.evolve import points
from engine.programs.evolve.author.points import FollowingTrial, PastDecision, ScoreSeen
from engine.programs.evolve.author.session import reflect_in_session
from engine.programs.evolve.author.terms import AuthorBrief
from engine.programs.evolve.author.writing import encode_patch, induce, revise, zero_shot
from engine.programs.evolve.course import GivenTrial, LearntTrial, LibraryCourse, LibraryEnds
from engine.programs.evolve.giving import WantedTrial, give
from engine.programs.evolve.held_skills import HeldSkills, LibrarySkill, LibrarySnapshot
from engine.programs.evolve.spec import AUTHOR_ROLE
from engine.programs.skill_scan import ScannedTask
from engine.programs.train.edit_points import NamedText
from engine.programs.train.optimizer.terms import Came
from events.base import Ref
from events.digest import Digest
from events.streams import author_stream
from events.types.decision import Held, Seen
from events.types.evolution import (
    LearningChosen,
    PatchChecked,
    PatchedSkill,
    RevisionRuled,
    SkillReadsAsked,
    SkillReadsFound,
)
from events.types.skill import SkillOrigin, SkillProposed, SkillRejected, SkillRetired, SkillRevised
from events.types.suite import SuiteFamily

_encoder: Final = msgspec.json.Encoder(order="deterministic")


async def learn_from(course: LibraryCourse, trial: LearntTrial, given: GivenTrial) -> None:
    """Decide what is learnt from a trial, and have it written.

    Raises:
        LibraryEnds: There is no money left, or an operator ended it.
        Stopped: An operator ended it.
    """
    chosen = await _choose(course, trial, given)
    if chosen.action == "nothing":
        return
    family = course.families[trial.task.family]
    stream = author_stream(course.library.course, course.library.scope, trial.task.task)
    brief = _brief(course, family, chosen.targets)
    came = (await course.scope.gather([_question(course, stream, brief, chosen.action)]))[0]
    await take(course, family, trial.task.task, came)


async def _choose(course: LibraryCourse, trial: LearntTrial, given: GivenTrial) -> points.LearningChoice:
    scope, task = course.scope, trial.task
    read = await scope.effect(SkillReadsAsked(trial.cell))
    assert isinstance(read, SkillReadsFound), "the port of reads answers nothing else"
    reads = Seen(scope.at, points.SkillReadsSeen(read.skills))
    assert given.given is not None, "what learns has a library"
    owned = tuple(
        points.OwnedSkill(each.skill, each.revision - 1) for each in course.held.snapshot.of_family(task.family)
    )
    saw = points.LearningSaw(task.task, task.role, trial.score, owned, reads, given.given)

    def says(ruling: points.LearningChoice, made: Made) -> LearningChosen:
        del made
        return LearningChosen(task.task, ruling.action, ruling.targets, ruling.reason)

    return (await scope.decide(points.LEARNING, saw, says)).value


def _question(course: LibraryCourse, stream: str, brief: AuthorBrief, action: str) -> Child[Came[Patch]]:
    in_session = course.terms.author == "session"
    terms = course.author_terms("teacher" if in_session else AUTHOR_ROLE, stream.partition("/")[2])
    actor = reflect_in_session if in_session else {"induce": induce, "revise": revise, "draft": zero_shot}[action]
    return Child(stream, partial(actor, terms=terms, brief=brief))


def draft(course: LibraryCourse, family: SuiteFamily) -> Child[Came[Patch]]:
    """Give the child that drafts a skill for a family before any trial."""
    stream = author_stream(course.library.course, course.library.scope, family.id)
    terms = course.author_terms(AUTHOR_ROLE, stream.partition("/")[2])
    return Child(stream, partial(zero_shot, terms=terms, brief=_brief(course, family, ())))


def _brief(course: LibraryCourse, family: SuiteFamily, targets: tuple[str, ...]) -> AuthorBrief:
    return AuthorBrief(
        environment=course.suite.environments[family.environment],
        family=family,
        library={each.skill: each.texts for each in course.held.snapshot.skills},
        owners=dict(course.held.owners),
        trials=course.traced(family.id),
        targets=targets,
        history=_history(course, family.id),
    )


def _history(course: LibraryCourse, family: str) -> tuple[PastDecision, ...]:
    """Give earlier decisions on skills of a family, each with the trials that followed it."""
    after = [each for each in course.learnt if each.task.family == family]
    return tuple(
        msgspec.structs.replace(
            decision,
            followed=tuple(
                FollowingTrial(each.task.task, Seen(each.score.seen, ScoreSeen(each.score.value.solved)))
                for each in after[count:]
            ),
        )
        for count, decision in course.decisions.get(family, ())
    )


async def take(course: LibraryCourse, family: SuiteFamily, task: str, came: Came[Patch]) -> None:
    """Check what an author wrote, and put it in force if nothing speaks against it.

    Args:
        course: Of the library.
        family: That it is about.
        task: Whose trial it was written from; of a first draft, the family's id.
        came: What came of the question.

    Raises:
        LibraryEnds: There is no money left, or an operator ended it.
        Stopped: An operator ended it.
    """
    if came.ending == "budget" or came.ending == "stopped":  # noqa: PLR1714 - narrows the type
        raise LibraryEnds(came.ending)
    if came.value is None:
        return
    patch = Held(course.scope.put_json(encode_patch(came.value)), came.at)
    checked = await _check(course, family, task, patch)
    ruling = checked.value
    if not ruling.skills:
        if ruling.refusals:
            _remember(
                course, family, task, PastDecision(checked.seen, task, patch, accepted=False, refusals=ruling.refusals)
            )
        return
    proposed = await _propose(course, ruling.skills)
    ruled = await _rule(course, family, task, checked)
    accepted = ruled.value.outcome == "accept"
    if accepted:
        await _put_in_force(course, family, (task, patch.held), ruling.skills, proposed)
    else:
        for name, at in proposed.items():
            await course.scope.record(SkillRejected(name, at, (ruled.value.reason,), library=course.name))
    measured = (ruled.value.reason,) if ruled.value.gate else ()
    _remember(course, family, task, PastDecision(ruled.seen, task, patch, accepted, measured=measured))


def _remember(course: LibraryCourse, family: SuiteFamily, task: str, decision: PastDecision) -> None:
    learnt = sum(each.task.family == family.id for each in course.learnt)
    if task == family.id:
        decision = msgspec.structs.replace(decision, task="")
    course.decisions.setdefault(family.id, []).append((learnt, decision))


async def _check(course: LibraryCourse, family: SuiteFamily, task: str, patch: Held) -> Seen[points.CheckedSkills]:
    kept = {each.slug: each.id for each in course.library.families}  # else an earlier family could take a later one's
    owners = tuple(points.OwnerOfSkill(*each) for each in sorted({**kept, **course.held.owners}.items()))
    saw = points.LibraryPatchSaw(
        patch=patch,
        library=tuple(NamedText(*each) for skill in course.held.snapshot.skills for each in skill.named),
        owners=owners,
        family=family.id,
        expected=_expected(course),
    )

    def says(ruling: points.CheckedSkills, made: Made) -> PatchChecked:
        del made
        return PatchChecked(task, ruling.summary, ruling.skills, ruling.refusals, ruling.unchanged)

    checked = await course.scope.decide(points.PATCH, saw, says)
    await course.scope.flush()
    return checked


def _expected(course: LibraryCourse) -> tuple[ScannedTask, ...]:
    tasks = [name for family in course.library.families for name in family.tasks]
    return tuple(course.suite.scanned[name] for name in tasks)


async def _propose(course: LibraryCourse, skills: Sequence[PatchedSkill]) -> Mapping[str, Ref]:
    """Record each new state that a patch would bring; give the place of each by skill."""
    return {
        each.skill: await course.scope.record(
            SkillProposed(each.skill, each.files, _origin(each), library=course.name, parent=each.parent)
        )
        for each in skills
        if each.change != "retire"
    }


def _origin(skill: PatchedSkill) -> SkillOrigin:
    return "written" if skill.change == "create" else "edited"


async def _put_in_force(
    course: LibraryCourse,
    family: SuiteFamily,
    source: tuple[str, Digest],
    skills: Sequence[PatchedSkill],
    proposed: Mapping[str, Ref],
) -> None:
    task, patch = source
    cells = [each.cell for each in course.traced(family.id)]
    rests_on = {"family": family.id, "task": task, "patch": patch, "cells": cells}
    provenance = course.scope.put(_encoder.encode(rests_on))
    for each in skills:
        if each.change == "retire":
            held = course.held.get(each.skill)
            assert held is not None, "a patch retires what is in force"
            await course.scope.record(
                SkillRetired(each.skill, held.revision, "its author retired it", library=course.name)
            )
            course.held.take_out(each.skill)
            continue
        revised = SkillRevised(
            skill=each.skill,
            revision=course.held.revisions.get(each.skill, 0) + 1,
            files=each.files,
            provenance=provenance,
            warnings=(),
            library=course.name,
            parent=each.parent,
            origin=_origin(each),
            candidate=proposed[each.skill],
        )
        await put(course, family, revised)


async def put(course: LibraryCourse, family: SuiteFamily, revised: SkillRevised) -> None:
    """Put a revision of a skill in force."""
    at = await course.scope.record(revised)
    course.held.put(await _skill(course, family, revised, at))


async def _skill(course: LibraryCourse, family: SuiteFamily, revised: SkillRevised, at: Ref) -> LibrarySkill:
    data = {each.name: await course.scope.get(each.digest) for each in revised.files}
    return LibrarySkill(revised.skill, family.id, family.environment, revised.revision, revised.files, data, at)


# -- the gate ----------------------------------------------------------------------------------------------------------


async def _rule(
    course: LibraryCourse, family: SuiteFamily, task: str, checked: Seen[points.CheckedSkills]
) -> Seen[points.RevisionRuling]:
    """Have it decided whether a patch is put in force, from trials with and without it where a gate asks for any."""
    seen = Seen(checked.seen, points.CheckedSeen(checked.value.skills))
    tasks = tuple(dict.fromkeys(each.task.task for each in course.learnt if each.task.family == family.id))
    before: Held | None = None
    parts: list[Held] = []

    def says(ruling: points.RevisionRuling, made: Made) -> RevisionRuled:
        del made
        return RevisionRuled(task, ruling.outcome, ruling.reason, ruling.run, ruling.gate)

    while True:
        saw = points.RevisionSaw(seen, tasks, before, tuple(parts))
        ruled = await course.scope.decide(points.REVISION, saw, says)
        if ruled.value.outcome != "more":
            return ruled
        if before is None:
            course.gates += 1
            before = await _tried(course, ruled.value.run, course.held.snapshot, f"gate{course.gates}.before")
        number = f".{len(parts) + 1}" if parts else ""
        after = await _candidate(course, family, checked)
        parts.append(await _tried(course, ruled.value.run, after, f"gate{course.gates}{number}"))


async def _tried(course: LibraryCourse, tasks: Sequence[str], snapshot: LibrarySnapshot, what: str) -> Held:
    """Try tasks with a state of the library."""
    wanted = [WantedTrial(course.suite.tasks[each], "gate", snapshot, what) for each in tasks]
    return (await course.run_trials(await give(course, wanted), snapshot)).rows


async def _candidate(
    course: LibraryCourse, family: SuiteFamily, checked: Seen[points.CheckedSkills]
) -> LibrarySnapshot:
    """Give the library as a patch would leave it."""
    held = HeldSkills()
    for skill in course.held.snapshot.skills:
        held.put(skill)
    for each in checked.value.skills:
        if each.change == "retire":
            held.take_out(each.skill)
            continue
        data = {file.name: await course.scope.get(file.digest) for file in each.files}
        held.put(LibrarySkill(each.skill, family.id, family.environment, 1, each.files, data, checked.seen))
    return held.snapshot
