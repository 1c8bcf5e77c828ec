"""Writing skills: a first draft for a family, its first skill from a trial, and revisions from further ones."""

from collections.abc import Sequence
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from engine.core.scope import Scope
from engine.effects.answer_asking import ReadingSteps
from engine.effects.answer_points import ReadAnswer, ReplySeen
from engine.effects.model_calls import text_of
from engine.policies.library.patch import Patch
from engine.programs.evolve.author import points
from engine.programs.evolve.author.asking import AuthorTalk, as_json
from engine.programs.evolve.author.terms import AuthorBrief, AuthorTerms
from engine.programs.evolve.author.wording import word_library, word_others
from engine.programs.evolve.trace_notes import tell_traces
from engine.programs.evolve.trace_points import WordedTraces
from engine.programs.train.optimizer.terms import Came
from events.base import Ref
from events.types.authoring import AuthorStage
from events.types.decision import Held, Seen

LearningStage: TypeAlias = Literal["induce", "revise"]


class FamilyQuestion(NamedTuple):
    """A question about a family, opened."""

    talk: AuthorTalk
    brief: AuthorBrief
    stage: AuthorStage
    library: Held
    owners: Held

    @property
    def own(self) -> Sequence[str]:
        """Skills of the family."""
        return own_skills(self.brief)

    def steps(self) -> ReadingSteps:
        """Say how answers to it are read."""

        def saw(answer: Seen[ReplySeen], repairs: int) -> points.AuthorPatchSaw:
            family = self.brief.family
            return points.AuthorPatchSaw(answer, self.stage, family.id, family.slug, self.library, self.owners, repairs)

        return ReadingSteps(points.PATCH, saw, self.talk.again)

    async def patch(self, reading: ReadAnswer, at: Ref) -> Patch:
        """Give the patch that was read."""
        del at
        assert reading.value is not None, "it was read"
        found: Patch = await self.talk.decoded(reading.value, Patch)
        return found


def encode_patch(patch: Patch) -> bytes:
    """Write a patch as it is kept where it was read."""
    return msgspec.json.encode(patch)


def own_skills(brief: AuthorBrief) -> Sequence[str]:
    """Name the skills of a family that are in force."""
    return sorted(skill for skill in brief.library if brief.owners.get(skill) == brief.family.id)


async def open_question(scope: Scope, terms: AuthorTerms, brief: AuthorBrief, stage: AuthorStage) -> FamilyQuestion:
    """Open a question; of the library, its author is told what is in force now, whatever its scope."""
    talk = AuthorTalk(scope, terms)
    given = {"library": as_json(brief.library), "owners": as_json(brief.owners), "targets": as_json(brief.targets)}
    cells = [each.cell for each in brief.trials]
    task = brief.trials[-1].task if brief.trials else ""
    held = await talk.open(stage, brief.family.id, task, given, cells)
    return FamilyQuestion(talk, brief, stage, held["library"], held["owners"])


# -- a first draft -----------------------------------------------------------------------------------------------------


async def zero_shot(scope: Scope, terms: AuthorTerms, brief: AuthorBrief) -> Came[Patch]:
    """Have a first skill written for a family of which no task was tried.

    Its author is told what the family is called, and not how the suite describes it: that is the description of the
    curated skill (W21).
    """
    question = await open_question(scope, terms, brief, "zero shot")
    return await question.talk.until_stopped(partial(_draft, question))


async def _draft(question: FamilyQuestion) -> Came[Patch]:
    talk, brief = question.talk, question.brief
    prompts = talk.terms.prompts
    user = prompts.fill(
        "evolve_draft_user", family=family_text(question), library=library_text(question), slug=brief.family.slug
    )
    system = "\n".join(
        prompts.text(name)
        for name in ("evolve_zero_shot", "evolve_layout", files_prompt(question), answer_prompt(question))
    )
    return await talk.came_of(await talk.ask(talk.opening(system, user), question.steps()), question.patch)


# -- from trials -------------------------------------------------------------------------------------------------------


async def induce(scope: Scope, terms: AuthorTerms, brief: AuthorBrief) -> Came[Patch]:
    """Have the first skill of a family written from trials."""
    question = await open_question(scope, terms, brief, "induce")
    return await question.talk.until_stopped(partial(_learn, question, "evolve_induce"))


async def revise(scope: Scope, terms: AuthorTerms, brief: AuthorBrief) -> Came[Patch]:
    """Have the skills of a family revised by what trials with them came to."""
    question = await open_question(scope, terms, brief, "revise")
    return await question.talk.until_stopped(partial(_learn, question, "evolve_revise"))


async def _learn(question: FamilyQuestion, role: str) -> Came[Patch]:
    talk, brief = question.talk, question.brief
    told = await tell_traces(talk.scope, brief.trials)
    talk.hidden = told.hidden
    if not told.shown:
        reason = "no trial could be told"
        return Came(None, "nothing_shown", reason, await talk.ended("nothing_shown", reason), talk.hidden)
    prompts = talk.terms.prompts
    worded = told.worded.value
    user = prompts.fill(
        "evolve_user",
        family=family_text(question),
        decisions=await decisions_text(question),
        trajectories=talk.or_nothing(await text_of(talk.scope, worded.trajectories)),
        feedback=await feedback_text(question, worded),
        library=library_text(question),
        asked=asked_text(question),
    )
    names = (role, "train_data", "evolve_layout", files_prompt(question), answer_prompt(question))
    system = "\n".join(prompts.text(name) for name in names)
    return await talk.came_of(await talk.ask(talk.opening(system, user), question.steps()), question.patch)


# -- parts of what is said ---------------------------------------------------------------------------------------------


def files_prompt(question: FamilyQuestion) -> str:
    """Name the prompt on files beside ``SKILL.md``."""
    return f"evolve_files_{question.talk.arm.author_files}"


def answer_prompt(question: FamilyQuestion) -> str:
    """Name the prompt on the form of an answer: where the family has no skill, there is nothing to edit."""
    return "evolve_answer" if question.own else "evolve_answer_first"


def family_text(question: FamilyQuestion) -> str:
    """Say which family it is about: its names alone."""
    brief = question.brief
    filled = question.talk.terms.prompts.fill(
        "evolve_family", name=brief.family.name, slug=brief.family.slug, environment=brief.environment.slug
    )
    return filled.rstrip()


def library_text(question: FamilyQuestion) -> str:
    """Write down the skills of the family whole, and of others what an agent sees before it opens them."""
    talk, library = question.talk, question.brief.library
    others = [skill for skill in library if skill not in set(question.own)]
    text = talk.or_nothing(word_library(library, question.own))
    if not others:
        return text
    rest = talk.terms.prompts.fill("evolve_other_skills", skills=word_others(library, others))
    return f"{text}\n\n{rest.rstrip()}"


async def decisions_text(question: FamilyQuestion) -> str:
    """Say what became of earlier patches for the family."""
    talk, scope = question.talk, question.talk.scope
    worded = await scope.decide(points.DECISIONS, points.DecisionsSaw(question.brief.history))
    await scope.flush()
    return talk.or_nothing(await text_of(scope, worded.value.text))


async def feedback_text(question: FamilyQuestion, worded: WordedTraces) -> str:
    """Say what verifiers found, as far as it is told, and what that means for the skill."""
    prompts = question.talk.terms.prompts
    feedback = await text_of(question.talk.scope, worded.feedback)
    if not feedback:
        return prompts.text("evolve_no_feedback").rstrip()
    if not worded.diagnosis:
        return feedback
    return f"{feedback}\n\n{prompts.text(f'evolve_diagnosis_{worded.diagnosis}').rstrip()}"


def asked_text(question: FamilyQuestion) -> str:
    """Say what is to be written, and why what was written before for the same trial was refused."""
    prompts, brief = question.talk.terms.prompts, question.brief
    if question.own:
        skills = ", ".join(f"`{each}`" for each in question.own)
        targets = ", ".join(f"`{each}`" for each in brief.targets) or skills
        text = prompts.fill("evolve_asked_revise", skills=skills, targets=targets)
    else:
        text = prompts.fill("evolve_asked_induce", slug=brief.family.slug)
    if not brief.refused:
        return text.rstrip()
    again = prompts.fill("evolve_asked_again", refused="\n".join(f"* {each}" for each in brief.refused))
    return f"{text.rstrip()}\n\n{again.rstrip()}"
