"""Questions about scanned pages, as DocVQA's tables have them: ``id``, ``question``, ``answers``, an image."""

from typing import Final

from engine.items.base import GoldAnswer, Item, ItemAnswer, Mark, ReadItem, Way, marked
from engine.items.errors import RowInvalid
from engine.items.rows import ItemRow
from engine.items.scorers.anls import SOLVED, anls, read_expected
from engine.items.scorers.answer_tags import widest_last

_NAMES: Final = ("id", "questionId", "question_id")
_IMAGES: Final = ("image", "image_path")
_ANSWERS: Final = ("answers", "ground_truth", "answer")
_TYPES: Final = ("question_type", "question_types", "topic")
"""Names that tables have for one thing; the first that a row has counts."""


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
            expected=_expected(row),
            images=(row.image(path),),
        )
        return ReadItem(row.text(_first(row, _NAMES)), item, _type(row), path)

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


def _expected(row: ItemRow) -> list[str]:
    """Read the expected answers, under the name that the table has for them."""
    expected = [each for each in read_expected(row.fields.get(_first(row, _ANSWERS))) if each.strip()]
    if not expected:
        raise RowInvalid(f"it expects no answer: write one under {' or '.join(_ANSWERS)}")
    return expected


def _type(row: ItemRow) -> str | None:
    """Say which type a question has; of several, all, as one type."""
    written = row.fields.get(_first(row, _TYPES))
    kinds = [each for each in read_expected(written) if each.strip()] if written is not None else []
    return " | ".join(kinds) or None


DOCUMENTS: Final = Documents()
