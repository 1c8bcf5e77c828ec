"""Rolling an item out, in one of several ways, and scoring what came of it: one scorer for all.

The actor is a straight line of events in a stream of its own; an agent or code has a sandbox in a stream below it.
"""

from functools import partial
from typing import Any, NamedTuple, assert_never

import msgspec

from engine.core.scope import Child, Scope, Stopped
from engine.items import points
from engine.items.base import ByExposure, ItemRef, Mark, Rolled
from engine.items.errors import WayUnsupported
from engine.items.item_set import decode_item
from engine.items.judge import ask_judge
from engine.items.registry import item_format
from engine.items.ways.agent import work_in_sandbox
from engine.items.ways.conversation import converse, read_folder
from engine.items.ways.steps import step_through
from engine.items.work import ItemTerms, ItemWork
from events.base import Ref
from events.digest import Digest
from events.streams import item_cell, item_stream
from events.types.budget import BudgetRefused
from events.types.condition import Condition
from events.types.decision import Decided, Seen, Text
from events.types.item import ItemAnswered, ItemOpened, ItemScored, ItemUnanswered


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
    folder = await read_folder(scope, item, condition) if terms.way == "tools" else None
    opened = await scope.note(
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
    work = ItemWork(ref, item, condition, terms, opened)
    return await _scored(scope, work, await _rolled(scope, work, folder))


async def _rolled(scope: Scope, work: ItemWork, folder: Digest | None) -> Rolled:
    match work.terms.way:
        case "call" | "tools":
            return await converse(scope, work, folder)
        case "agent" | "code":
            return await work_in_sandbox(scope, work)
        case "steps":
            return await step_through(scope, work)
        case _:
            assert_never(work.terms.way)


async def _scored(scope: Scope, work: ItemWork, rolled: Rolled) -> RolledOut:
    """Record how it ended, and have it scored: unless there was no money, or it was stopped."""
    ended = (
        ItemAnswered(rolled.answer, rolled.turns, rolled.tool_calls, rolled.files)
        if rolled.ending == "answered"
        else ItemUnanswered(rolled.ending, rolled.detail, rolled.turns, rolled.tool_calls)
    )
    at = await scope.note(ended)
    if rolled.ending in {"budget", "stopped"}:
        return RolledOut(work.ref, rolled, None, at)
    try:
        judged = await ask_judge(scope, work, rolled)
    except Stopped:
        return RolledOut(work.ref, rolled._replace(ending="stopped"), None, at)
    if isinstance(judged, BudgetRefused):
        return RolledOut(work.ref, rolled._replace(ending="budget"), None, at)
    saw = msgspec.structs.replace(_saw(work, ended, at), judged=judged, **_read(scope, work, rolled))
    ruled = await scope.decide(points.ITEM_SCORE, saw, lambda ruling, _: _event(ruling))
    await scope.flush()
    mark = ruled.value
    soft = None if mark.soft is None else mark.soft.exact
    return RolledOut(work.ref, rolled, Mark(mark.outcome, mark.hard, soft, mark.answer, mark.reasons), ruled.seen)


def _saw(work: ItemWork, ended: ItemAnswered | ItemUnanswered, at: Ref) -> points.ItemScoreSaw:
    whole = Text(work.ref.digest, work.opened)
    own = tuple(Text(each.digest, work.opened) for each in work.item.files)
    if isinstance(ended, ItemAnswered):
        came = tuple(Text(each.digest, at) for each in ended.files)
        seen = Seen(at, points.AnsweredSeen(ended.answer, ended.files))
        return points.ItemScoreSaw(whole, seen, None, (*own, *came))
    return points.ItemScoreSaw(whole, None, Seen(at, points.UnansweredSeen(ended.ending, ended.detail)), own)


def _read(scope: Scope, work: ItemWork, rolled: Rolled) -> dict[str, Any]:
    """Give what the agent read of its skills, where the score goes by it."""
    if rolled.reads is None or not isinstance(item_format(work.item.format), ByExposure):
        return {}
    named = Text(scope.put(work.condition.canonical), work.opened)
    return {"condition": named, "commands": rolled.reads.commands, "run": rolled.reads.run}


def _event(ruling: points.ItemScore) -> Decided:
    return ItemScored(ruling.outcome, ruling.hard, ruling.soft, ruling.answer, ruling.reasons)
