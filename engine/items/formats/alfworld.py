"""Games of ALFWorld, as SkillOpt's manifest names them: ``id``, ``gamefile`` and perhaps ``task_type``."""

from fractions import Fraction
from typing import Final

import msgspec

from engine.items.base import Item, ItemAnswer, Mark, ReadItem, Way, marked
from engine.items.errors import RowInvalid
from engine.items.rows import ItemRow
from engine.items.worlds.alfworld import KEYS, require_alfworld
from engine.items.worlds.base import STATE
from engine.items.worlds.household import TASKS

_QUESTION: Final = "Do the task that you are told where the world begins."


class AlfworldGames:
    """Right is a game that is won; so is how right."""

    name = "alfworld"
    suffixes = (".json", ".jsonl")
    ways: tuple[Way, ...] = ("steps", "agent")
    world = "alfworld"

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a game file.

        Raises:
            RowInvalid: The row, or its game, is not as it has to be.
            AlfworldAbsent: The package is not installed.
        """
        require_alfworld()
        path = row.text("gamefile")
        try:
            game = msgspec.json.decode(row.text_file(path), type=dict[str, object])
        except msgspec.MsgspecError as error:
            raise RowInvalid(f"the game {path} is no JSON object: {error}") from error
        lacks = [key for key in KEYS if not isinstance(game.get(key), str)]
        if lacks:
            raise RowInvalid(f"the game {path} has no {', '.join(lacks)}")
        item = Item(format=self.name, question=_QUESTION, expected={"game": {key: game[key] for key in KEYS}})
        kind = row.optional("task_type") or next((task for task in TASKS if task in path), None)
        return ReadItem(row.text("id"), item, kind)

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Look whether the game was won."""
        del item
        won = STATE in said.files and bool(msgspec.json.decode(said.read(said.files[STATE]))["won"])
        return marked(hard=won, soft=Fraction(won), answer=None, reasons=("the game was not won",))


ALFWORLD_GAMES: Final = AlfworldGames()
