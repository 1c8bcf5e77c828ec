"""Tasks in a small household: ``id``, ``seed``, ``object``, ``receptacle``, and ``state`` or ``task``."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

import msgspec

from engine.items.base import Item, ItemAnswer, Mark, ReadItem, Way, marked
from engine.items.errors import RowInvalid
from engine.items.rows import ItemRow
from engine.items.worlds.base import STATE
from engine.items.worlds.household import LAMP, LOOK, OBJECTS, ROOMS, STATES, TASKS, TWO, goal_parts

_RECEPTACLES: Final = tuple(each for room in ROOMS.values() for each in room)


class HouseholdErrands:
    """Right is a household in which the goal is met; how right, the share of its parts that are."""

    name = "household"
    suffixes = (".json", ".jsonl")
    ways: tuple[Way, ...] = ("steps", "agent")
    world = "household"

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a task; its type is one of ALFWorld's, and follows from ``state`` without a ``task``."""
        task, thing = _task(row), row.text("object")
        place = None if task == LOOK else row.text("receptacle")
        seed = row.fields.get("seed")
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise RowInvalid("`seed` must be a whole number")
        for value, known in ((thing, OBJECTS), (place or _RECEPTACLES[0], _RECEPTACLES)):
            if value not in known:
                raise RowInvalid(f"{value!r} is none of {', '.join(known)}")
        if task == LOOK and thing == LAMP:
            raise RowInvalid("a lamp is looked at by no other light: name another object")
        goal = {"task": task, "object": thing, "receptacle": place, "state": TASKS[task]}
        item = Item(format=self.name, question=_question(goal), expected={"seed": seed, "goal": goal})
        return ReadItem(row.text("id"), item, task)

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Look at the household as it was left."""
        del item
        met, parts = goal_parts(msgspec.json.decode(said.read(said.files[STATE]))) if STATE in said.files else (0, 1)
        reasons = (f"{met} of {parts} parts of the goal are met",)
        return marked(hard=met == parts, soft=Fraction(met, parts), answer=None, reasons=reasons)


def _task(row: ItemRow) -> str:
    """Say which type a task has."""
    task, state = row.optional("task"), row.optional("state")
    if task is None:
        if state is not None and state not in STATES:
            raise RowInvalid(f"{state!r} is none of {', '.join(STATES)}")
        return next(name for name, wanted in TASKS.items() if wanted == state)
    if task not in TASKS:
        raise RowInvalid(f"{task!r} is none of {', '.join(TASKS)}")
    if state is not None and state != TASKS[task]:
        raise RowInvalid(f"a task {task!r} has no object that is to be {state!r}: leave `state` out")
    return task


def _question(goal: Mapping[str, str | None]) -> str:
    thing, place, state = goal["object"], goal["receptacle"], goal["state"]
    if goal["task"] == LOOK:
        return f"Look at the {thing} by the light of the {LAMP}."
    if goal["task"] == TWO:
        return f"Put two of these in the {place}: {thing}."
    return f"Put {'the' if state is None else f'a {state}'} {thing} in the {place}."


HOUSEHOLD_ERRANDS: Final = HouseholdErrands()
