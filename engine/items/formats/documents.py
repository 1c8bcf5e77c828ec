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
_TYPES: Final = ("question_type", "question_types", "topic", "category")
"""Names that tables have for one thing; the first that a row has counts."""

_PATH: Final = "document_path:"
"""Behind it, a question may have the path of its image."""


class Documents:
    """Right is an answer as good as equal to one of those expected; how right, its ANLS."""

    name = "docvqa"
    suffixes = (".csv", ".json", ".jsonl")
    ways: tuple[Way, ...] = ("call", "tools", "agent", "code")

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a row and of the image that it names."""
        question, path = _asked(row)
        item = Item(
            format=self.name,
            question=question,
            expected=_expected(row),
            images=(row.image(path),),
        )
        return ReadItem(row.text(row.first_of(_NAMES)), item, _type(row), path)

    def gold(self, item: Item) -> GoldAnswer:
        """Give the first of the expected answers."""
        return GoldAnswer(f"<answer>{item.expected[0]}</answer>")

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Score an answer."""
        answer = widest_last(said.text)
        soft = anls(answer, item.expected)
        return marked(hard=soft >= SOLVED, soft=soft, answer=answer, reasons=("it differs from all expected answers",))


def _asked(row: ItemRow) -> tuple[str, str]:
    """Give the question, and the path of the image; SkillOpt's tables may have both in one text."""
    question, _, path = (each.strip() for each in row.text("question").partition(_PATH))
    key = row.first_of(_IMAGES)
    if not question:
        raise RowInvalid(f"`question` asks nothing before {_PATH}")
    return question, path if path and row.optional(key) is None else row.text(key)


def _expected(row: ItemRow) -> list[str]:
    """Read the expected answers, under the name that the table has for them."""
    expected = [each for each in read_expected(row.fields.get(row.first_of(_ANSWERS))) if each.strip()]
    if not expected:
        raise RowInvalid(f"it expects no answer: write one under {' or '.join(_ANSWERS)}")
    return expected


def _type(row: ItemRow) -> str | None:
    """Say which type a question has; of several, all, as one type."""
    written = row.fields.get(row.first_of(_TYPES))
    kinds = [each for each in read_expected(written) if each.strip()] if written is not None else []
    return " | ".join(kinds) or None


DOCUMENTS: Final = Documents()
