"""Choosing skills for a task: a model reads their descriptions beside the task."""

from functools import partial

from engine.core.scope import Scope
from engine.effects.answer_asking import ReadingSteps
from engine.effects.answer_points import ReadAnswer, ReplySeen
from engine.effects.model_calls import text_of
from engine.programs.evolve.author import points
from engine.programs.evolve.author.asking import AuthorTalk, as_json
from engine.programs.evolve.author.terms import AuthorTerms, ChoiceBrief
from engine.programs.train.optimizer.terms import Came
from engine.programs.train.optimizer.wording import fenced
from events.base import Ref
from events.types.decision import Held, Seen


async def choose_skills(scope: Scope, terms: AuthorTerms, brief: ChoiceBrief) -> Came[tuple[str, ...]]:
    """Have skills chosen for a task, the best first; where no answer can be read, none is chosen, and it says why."""
    talk = AuthorTalk(scope, terms)
    task = brief.task
    held = await talk.open("choose", task.family, task.task, {"skills": as_json(brief.skills)})
    return await talk.until_stopped(partial(_choose, talk, brief, held["skills"]))


async def _choose(talk: AuthorTalk, brief: ChoiceBrief, offered: Held) -> Came[tuple[str, ...]]:
    prompts = talk.terms.prompts
    listed = "\n".join(f"- {each.skill}: {' '.join(each.description.split())}" for each in brief.skills)
    user = prompts.fill(
        "evolve_choose_user",
        task=fenced(await text_of(talk.scope, brief.query)),
        skills=fenced(listed) if listed else talk.or_nothing(""),
        most=talk.arm.retrieval.k,
    )

    def saw(answer: Seen[ReplySeen], repairs: int) -> points.SkillChoiceSaw:
        return points.SkillChoiceSaw(answer, offered, repairs)

    async def make(reading: ReadAnswer, at: Ref) -> tuple[str, ...]:
        del at
        return tuple(await talk.decoded(reading.value, tuple[str, ...]))

    system = "\n".join((prompts.text("evolve_choose_system"), prompts.text("train_data")))
    answered = await talk.ask(talk.opening(system, user), ReadingSteps(points.CHOICE, saw, talk.again))
    return await talk.came_of(answered, make)
