"""Steps in a simulated world: the model says an action, and is told what it sees; the world as it is left is scored.

The world is a value that each decision turns into the next, so that a replay lives it again without a port.
"""

from typing import assert_never

from engine.agents.points import AnswerSeen
from engine.core.scope import Scope, Stopped
from engine.effects.conversation import EMPTY, extend, extend_kept, message
from engine.effects.model_calls import Caller, NoAnswer, ask_model, problem_of, text_of
from engine.items import points
from engine.items.base import Rolled
from engine.items.registry import item_format
from engine.items.skill_texts import skill_texts
from engine.items.work import ItemWork, without_answer
from engine.items.worlds.base import STATE, HasWorld, world_named
from engine.policies.ending import CallFailure, unanswered
from events.types.budget import BudgetRefused
from events.types.decision import Seen, Text
from events.types.model import ModelAnswered, ModelFailed
from events.values import NamedDigest


async def step_through(scope: Scope, work: ItemWork) -> Rolled:
    """Have the model act until the world says it is done, or it has taken as many steps as it may."""
    try:
        return await _steps(scope, work)
    except Stopped as stop:
        return without_answer("stopped", stop.event.detail)


async def _steps(scope: Scope, work: ItemWork) -> Rolled:
    form = item_format(work.item.format)
    assert isinstance(form, HasWorld), "only formats that have a world name this way"
    world, prompts = world_named(form.world), work.terms.prompts
    system = prompts.fill(
        "item_steps",
        actions=world.actions,
        skills=await skill_texts(scope, work.condition.skills, prompts),
        note=await text_of(scope, work.condition.note),
    )
    first = prompts.fill("item_user", question=work.item.question, context=world.begin(work.item.expected).observation)
    talk = extend(scope, EMPTY, [message("system", system), message("user", first)])
    item, before, turns = Text(work.ref.digest, work.opened), None, 0
    while True:
        answer = (await ask_model(scope, lambda: _caller(scope, work), talk)).outcome
        if not isinstance(answer, ModelAnswered):
            return _unanswered(answer, turns)
        turns += 1
        seen = AnswerSeen(answer.message, answer.text, answer.tool_calls, answer.finish)
        ruled = await scope.decide(points.ITEM_STEP, points.ItemStepSaw(Seen(scope.at, seen), item, before, turns))
        step = ruled.value
        match step.act:
            case "over":
                return Rolled("answered", "", answer.text, turns, turns, (NamedDigest(STATE, step.state),))
            case "tell":
                own = () if step.own is None else (step.own,)
                talk = extend_kept(scope, talk, (*own, *step.told), step.size)
                before = Seen(ruled.seen, points.WorldSeen(step.state))
            case _:
                assert_never(step.act)


def _caller(scope: Scope, work: ItemWork) -> Caller:
    return work.terms.callers[scope.era]


def _unanswered(outcome: NoAnswer, turns: int) -> Rolled:
    """Say how it ends where the model did not answer: whose doing that was."""
    match outcome:
        case BudgetRefused():
            return without_answer("budget", problem_of(outcome), turns=turns)
        case ModelFailed():
            ending = unanswered(CallFailure(outcome.kind, outcome.detail), acted=turns > 0)
            grown = ending.reason == "context_limit"
            return without_answer("context_limit" if grown else "infrastructure", ending.detail, turns=turns)
        case _:  # it failed, and there was no money to ask again
            return without_answer("infrastructure", problem_of(outcome), turns=turns)
