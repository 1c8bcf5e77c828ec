"""Questions about scanned pages, as DocVQA's tables have them: ``id``, ``question``, ``answers``, an image."""

from typing import Final

from engine.items.base import GoldAnswer, Item, ItemAnswer, Mark, ReadItem, Way, marked
from engine.items.rows import ItemRow
from engine.items.scorers.anls import SOLVED, anls, read_expected
from engine.items.scorers.answer_tags import widest_last

_NAMES: Final = ("id", "questionId", "question_id")
_IMAGES: Final = ("image", "image_path")


class Documents:
    """Right is an answer as good as equal to one of those expected; how right, its ANLS."""

    name = "docvqa"
    suffixes = (".csv", ".json", ".jsonl")
    ways: tuple[Way, ...] = ("call", "tools", "agent", "code")

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a row and of the image that it names."""
        path = row.text(_first(row, _IMAGES))
        item = Item(
            format=self.name,
            question=row.text("question"),
            expected=list(read_expected(row.fields.get("answers"))),
            images=(row.image(path),),
        )
        return ReadItem(row.text(_first(row, _NAMES)), item, row.optional("question_type"), path)

    def gold(self, item: Item) -> GoldAnswer:
        """Give the first of the expected answers."""
        return GoldAnswer(f"<answer>{item.expected[0]}</answer>")

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Score an answer."""
        answer = widest_last(said.text)
        soft = anls(answer, item.expected)
        return marked(hard=soft >= SOLVED, soft=soft, answer=answer, reasons=("it differs from all expected answers",))


def _first(row: ItemRow, keys: tuple[str, ...]) -> str:
    return next((key for key in keys if key in row.fields), keys[0])


DOCUMENTS: Final = Documents()
