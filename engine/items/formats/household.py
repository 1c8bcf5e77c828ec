"""Errands in a small household: ``id``, ``seed``, ``object``, ``receptacle`` and perhaps ``state``."""

from fractions import Fraction
from typing import Final

import msgspec

from engine.items.base import Item, ItemAnswer, Mark, ReadItem, Way, marked
from engine.items.errors import RowInvalid
from engine.items.rows import ItemRow
from engine.items.worlds.base import STATE
from engine.items.worlds.household import OBJECTS, ROOMS, STATES, goal_parts

_RECEPTACLES: Final = tuple(each for room in ROOMS.values() for each in room)


class HouseholdErrands:
    """Right is a household in which the goal is met; how right, the share of its parts that are."""

    name = "household"
    suffixes = (".json", ".jsonl")
    ways: tuple[Way, ...] = ("steps",)
    world = "household"

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of an errand."""
        thing, place, state = row.text("object"), row.text("receptacle"), row.optional("state")
        seed = row.fields.get("seed")
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise RowInvalid("`seed` must be a whole number")
        for value, known in ((thing, OBJECTS), (place, _RECEPTACLES), (state or STATES[0], STATES)):
            if value not in known:
                raise RowInvalid(f"{value!r} is none of {', '.join(known)}")
        item = Item(
            format=self.name,
            question=f"Put {'the' if state is None else f'a {state}'} {thing} in the {place}.",
            expected={"seed": seed, "goal": {"object": thing, "receptacle": place, "state": state}},
        )
        return ReadItem(row.text("id"), item, "place" if state is None else state)

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Look at the household as it was left."""
        del item
        met, parts = goal_parts(msgspec.json.decode(said.read(said.files[STATE]))) if STATE in said.files else (0, 1)
        reasons = (f"{met} of {parts} parts of the goal are met",)
        return marked(hard=met == parts, soft=Fraction(met, parts), answer=None, reasons=reasons)


HOUSEHOLD_ERRANDS: Final = HouseholdErrands()
