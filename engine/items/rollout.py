"""Rolling a question out: asked in one call, or in a loop in which the model looks into a folder; then scored.

The actor is a straight line of events in a stream of its own. Every arm of a comparison is told the same, byte for
byte, but for its skills and its note: they stand where they stand for all, and are empty where an arm has none.
"""

from functools import partial
from typing import Final, NamedTuple, assert_never

import msgspec

from engine.agents.points import AnswerSeen
from engine.core.prompts import Prompts
from engine.core.scope import Child, Scope, Stopped
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
from engine.items.base import Folder, Item, ItemRef, Mark, Rolled, Way
from engine.items.errors import WayUnsupported
from engine.items.item_set import decode_item
from engine.items.registry import item_format
from engine.policies.ending import CallFailure, unanswered
from events.base import Ref
from events.digest import Digest
from events.streams import item_cell, item_stream
from events.types.budget import BudgetRefused
from events.types.condition import Condition, SkillRef
from events.types.decision import Decided, Seen, Text
from events.types.item import ItemAnswered, ItemEnding, ItemOpened, ItemScored, ItemUnanswered
from events.types.model import ModelAnswered, ModelFailed

_SKILL: Final = "SKILL.md"


class ItemTerms(NamedTuple):
    """How an item is rolled out under a condition."""

    callers: tuple[Caller, ...]
    """Whom to ask, one for each run of the line, oldest first. Each pays on the account that `item_cell` names."""
    prompts: Prompts
    way: Way
    repeat: int
    """From 1."""
    arm: str = ""
    """Name of the condition within the run, for the stream. Empty: the run has just one."""


class RolledOut(NamedTuple):
    """An item that was rolled out, and what came of it."""

    ref: ItemRef
    rolled: Rolled
    mark: Mark | None
    """None: there was no money for it, or it was stopped; nothing was scored."""
    at: Ref
    """The event that says so: that of the score, where there is one."""


def rollout(item: ItemRef, condition: Condition, terms: ItemTerms) -> Child[RolledOut]:
    """Give the actor that rolls an item out under a condition, to be gathered.

    Args:
        item: Which. Its bytes, and those that it names, are in the log.
        condition: What the model is told besides; its skills and note are in the log.
        terms: How it is done.

    The actor raises `WayUnsupported` before anything is recorded, if the item's format cannot be rolled out so.
    """
    cell = item_cell(item.set, item.name, terms.repeat, terms.arm)
    return Child(item_stream(cell), partial(_roll_out, ref=item, condition=condition, terms=terms))


async def _roll_out(scope: Scope, ref: ItemRef, condition: Condition, terms: ItemTerms) -> RolledOut:
    item = decode_item(await scope.get(ref.digest))
    ways = item_format(item.format).ways
    if terms.way not in ways:
        raise WayUnsupported(item.format, terms.way, ways)
    folder = await _folder(scope, item, condition) if terms.way == "tools" else None
    opened = await scope.record(
        ItemOpened(
            set=ref.set,
            item=ref.name,
            digest=ref.digest,
            condition=scope.put(condition.canonical),
            way=terms.way,
            repeat=terms.repeat,
            shown=item.shown,
            folder=folder,
        )
    )
    actor = _Rollout(scope, terms, None if folder is None else Text(folder, opened))
    try:
        rolled = await actor.run(await _opening(scope, item, condition, terms))
    except Stopped as stop:
        rolled = actor.ended("stopped", stop.event.detail)
    return await _scored(scope, ref, item, Text(ref.digest, opened), rolled)


class _Rollout:
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


async def _opening(scope: Scope, item: Item, condition: Condition, terms: ItemTerms) -> Conversation:
    """Tell the model what there is to tell."""
    prompts = terms.prompts
    skills = [
        prompts.fill("item_skill", name=skill.name, text=await text_of(scope, _main_file(skill)))
        for skill in condition.skills or ()
    ]
    system = prompts.fill("item_system", skills="\n".join(skills), note=await text_of(scope, condition.note))
    parts = (system, prompts.text("item_tools")) if terms.way == "tools" else (system,)
    asked = prompts.fill("item_user", question=item.question, context=item.context or "")
    images = [MessageImage(await scope.get(each.digest), each.media_type) for each in item.images]
    user = image_message("user", asked, images) if images else message("user", asked)
    return extend(scope, EMPTY, [message("system", "\n".join(parts)), user], images)


def _main_file(skill: SkillRef) -> Digest | None:
    return next((each.digest for each in skill.files if each.name == _SKILL), None)


async def _folder(scope: Scope, item: Item, condition: Condition) -> Digest:
    """Lay together what the tools read: the item's own files, and those of the skills below ``skills/``."""
    files: dict[str, str] = {}
    if item.folder is not None:
        files.update(msgspec.json.decode(await scope.get(item.folder), type=Folder).files)
    for skill in condition.skills or ():
        for each in skill.files:
            files[f"skills/{skill.name}/{each.name}"] = await text_of(scope, each.digest)
    return scope.put(msgspec.json.encode(Folder(files)))


async def _scored(scope: Scope, ref: ItemRef, item: Item, whole: Text, rolled: Rolled) -> RolledOut:
    """Record how it ended, and have it scored: unless there was no money, or it was stopped."""
    ended = (
        ItemAnswered(rolled.answer, rolled.turns, rolled.tool_calls, rolled.files)
        if rolled.ending == "answered"
        else ItemUnanswered(rolled.ending, rolled.detail, rolled.turns, rolled.tool_calls)
    )
    at = await scope.record(ended)
    if rolled.ending in {"budget", "stopped"}:
        return RolledOut(ref, rolled, None, at)
    saw = _saw(item, whole, ended, at)
    ruled = await scope.decide(points.ITEM_SCORE, saw, lambda ruling, _: _event(ruling))
    await scope.flush()
    mark = ruled.value
    soft = None if mark.soft is None else mark.soft.exact
    return RolledOut(ref, rolled, Mark(mark.outcome, mark.hard, soft, mark.answer, mark.reasons), ruled.seen)


def _saw(item: Item, whole: Text, ended: ItemAnswered | ItemUnanswered, at: Ref) -> points.ItemScoreSaw:
    own = tuple(Text(each.digest, whole.at) for each in item.files)
    if isinstance(ended, ItemAnswered):
        came = tuple(Text(each.digest, at) for each in ended.files)
        seen = Seen(at, points.AnsweredSeen(ended.answer, ended.files))
        return points.ItemScoreSaw(whole, seen, None, (*own, *came))
    return points.ItemScoreSaw(whole, None, Seen(at, points.UnansweredSeen(ended.ending, ended.detail)), own)


def _event(ruling: points.ItemScore) -> Decided:
    return ItemScored(ruling.outcome, ruling.hard, ruling.soft, ruling.answer, ruling.reasons)
