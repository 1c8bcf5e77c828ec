"""Trigger queries, as Agent Skills write them: what a user says, and whether a skill should be read then.

An answer is right if the skill was read exactly where it should be. What the agent wrote has no say in it.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from engine.items.base import Item, ItemAnswer, Mark, ReadItem, Way, marked
from engine.items.errors import RowInvalid
from engine.items.rows import ItemRow
from events.digest import digest_of
from projections.exposure import Exposure, read_of

CASES: Final = "evals.json"
"""File of a skill's own cases, which lies beside such queries."""
_APPLIES: Final = "trigger-"
_OTHER: Final = "no-trigger-"
_LETTERS: Final = 32
_UNKNOWN: Final = "nobody can know whether the skill was read"


class TriggerQueries:
    """One row is ``{"query": "...", "should_trigger": true}``; ``id`` and ``skill`` may stand in it."""

    name = "agentskills_triggers"
    suffixes = (".json", ".jsonl")
    ways: tuple[Way, ...] = ("agent",)
    open_ended = True
    by_exposure = True

    def picks(self, file: str) -> bool:
        """Leave out the skill's own cases, which lie in the same folder."""
        return file != CASES

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a query. Its name says what should happen, and `belongs` reads it there."""
        query, should = row.text("query"), row.fields.get("should_trigger")
        if not isinstance(should, bool):
            raise RowInvalid("`should_trigger` must be true or false")
        item = Item(format=self.name, question=query, expected={"triggers": should, "skill": row.optional("skill")})
        name = f"{_APPLIES if should else _OTHER}{row.optional('id') or _slug(query)}"
        return ReadItem(name, item, task_type="should trigger" if should else "should not trigger")

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Compare what was read with what should be; where nobody can know, there is no score."""
        skill, should = item.expected["skill"], item.expected["triggers"]
        known = said.exposure
        read = None if known is None else _read(known if skill is None else {skill: known.get(skill, "no")})
        if read is None:
            return Mark("infrastructure", None, None, None, (_UNKNOWN,))
        right = read is should
        reasons = ("the skill was read, and should not be" if read else "the skill was not read, and should be",)
        return marked(hard=right, soft=Fraction(right), answer="read" if read else "not read", reasons=reasons)


def belongs(name: str) -> bool:
    """Say of the name of an item whether a skill should be read there."""
    return not name.startswith(_OTHER)


def _read(skills: Mapping[str, Exposure]) -> bool | None:
    """Say whether any was read. None: nobody can know."""
    return {"yes": True, "no": False, None: False}.get(read_of(skills.values()))


def _slug(query: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", query.lower()).strip("-")[:_LETTERS].strip("-")
    return f"{words}-{digest_of(query.encode())[:6]}".lstrip("-")


TRIGGER_QUERIES: Final = TriggerQueries()
