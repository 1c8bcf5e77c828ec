"""A conversation about an item: one call of the model, or a loop in which it looks into a folder.

Every arm of a comparison is told the same, byte for byte, but for its skills and its note: they stand where they stand
for all, and are empty where an arm has none.
"""

from typing import assert_never

import msgspec

from engine.agents.points import AnswerSeen
from engine.core.scope import Scope, Stopped
from engine.effects.conversation import (
    EMPTY,
    Conversation,
    MessageImage,
    extend,
    extend_kept,
    image_message,
    message,
)
from engine.effects.model_calls import Caller, NoAnswer, ask_model, problem_of, text_of
from engine.items import points
from engine.items.base import Folder, Item, OpenEnded, Rolled
from engine.items.registry import item_format
from engine.items.skill_texts import skill_texts
from engine.items.work import ItemTerms, ItemWork
from engine.policies.ending import CallFailure, unanswered
from events.digest import Digest
from events.types.budget import BudgetRefused
from events.types.condition import Condition
from events.types.decision import Seen, Text
from events.types.item import ItemEnding
from events.types.model import ModelAnswered, ModelFailed


async def converse(scope: Scope, work: ItemWork, folder: Digest | None) -> Rolled:
    """Ask the model until it answers, or the item is stopped.

    Args:
        scope: The item's.
        work: What is asked, and how.
        folder: Blob: the files that its tools read. None: it has no tools, and its first answer counts.
    """
    actor = _Loop(scope, work.terms, None if folder is None else Text(folder, work.opened))
    try:
        return await actor.run(await _opening(scope, work))
    except Stopped as stop:
        return actor.ended("stopped", stop.event.detail)


class _Loop:
    """One rollout: what was asked and answered so far."""

    def __init__(self, scope: Scope, terms: ItemTerms, folder: Text | None) -> None:
        self._scope = scope
        self._terms = terms
        self._folder = folder
        self._turns = 0
        self._ran = 0

    async def run(self, talk: Conversation) -> Rolled:
        """Ask until there is an answer.

        Raises:
            Stopped: The item is stopped.
        """
        tools = None if self._folder is None else self._terms.prompts.text("item_tool").strip().encode()
        while True:
            answer = (await ask_model(self._scope, self._caller, talk, tools=tools)).outcome
            if not isinstance(answer, ModelAnswered):
                return self._unanswered(answer)
            self._turns += 1
            if self._folder is None:
                return Rolled("answered", "", answer.text, self._turns, self._ran)
            seen = AnswerSeen(answer.message, answer.text, answer.tool_calls, answer.finish)
            saw = points.ItemTurnSaw(Seen(self._scope.at, seen), self._folder, self._turns)
            turn = (await self._scope.decide(points.ITEM_TURN, saw)).value
            match turn.act:
                case "answer":
                    return Rolled("answered", "", answer.text, self._turns, self._ran)
                case "stop":
                    return self.ended("turn_limit", f"no answer within {self._turns} turns")
                case "tell":
                    self._ran += turn.ran
                    own = () if turn.own is None else (turn.own,)
                    talk = extend_kept(self._scope, talk, (*own, *turn.told), turn.size)
                case _:
                    assert_never(turn.act)

    def ended(self, ending: ItemEnding, detail: str) -> Rolled:
        """Say how it ended without an answer."""
        return Rolled(ending, detail, None, self._turns, self._ran)

    def _caller(self) -> Caller:
        return self._terms.callers[self._scope.era]

    def _unanswered(self, outcome: NoAnswer) -> Rolled:
        """Say how it ends where the model did not answer: whose doing that was."""
        match outcome:
            case BudgetRefused():
                return self.ended("budget", problem_of(outcome))
            case ModelFailed():
                ending = unanswered(CallFailure(outcome.kind, outcome.detail), acted=self._turns > 0)
                grown = ending.reason == "context_limit"
                return self.ended("context_limit" if grown else "infrastructure", ending.detail)
            case _:  # it failed, and there was no money to ask again
                return self.ended("infrastructure", problem_of(outcome))


async def _opening(scope: Scope, work: ItemWork) -> Conversation:
    """Tell the model what there is to tell."""
    item, condition, prompts = work.item, work.condition, work.terms.prompts
    skills = await skill_texts(scope, condition.skills, prompts)
    open_ended = isinstance(item_format(item.format), OpenEnded)
    form = "item_system_open" if open_ended else "item_system"
    system = prompts.fill(form, skills=skills, note=await text_of(scope, condition.note))
    parts = (system, prompts.text("item_tools")) if work.terms.way == "tools" else (system,)
    asked = prompts.fill("item_user", question=item.question, context=item.context or "")
    images = [MessageImage(await scope.get(each.digest), each.media_type) for each in item.images]
    user = image_message("user", asked, images) if images else message("user", asked)
    return extend(scope, EMPTY, [message("system", "\n".join(parts)), user], images)


async def read_folder(scope: Scope, item: Item, condition: Condition) -> Digest:
    """Lay together what the tools read: the item's own files, and those of the skills below ``skills/``."""
    files: dict[str, str] = {}
    if item.folder is not None:
        files.update(msgspec.json.decode(await scope.get(item.folder), type=Folder).files)
    for skill in condition.skills or ():
        for each in skill.files:
            files[f"skills/{skill.name}/{each.name}"] = await text_of(scope, each.digest)
    return scope.put(msgspec.json.encode(Folder(files)))
