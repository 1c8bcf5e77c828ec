"""Questions with short answers, as SearchQA writes them: ``id``, ``question``, ``context`` or null, ``answers``."""

from typing import Final

from engine.items.base import GoldAnswer, Item, ItemAnswer, Mark, ReadItem, Way, marked
from engine.items.rows import ItemRow
from engine.items.scorers.answer_tags import last_tagged
from engine.items.scorers.em import exact_match
from engine.items.scorers.f1 import f1_score

_CONTEXT_CHARS: Final = 6_000
"""Characters of a context that are shown, as SearchQA's published numbers have it."""
_DOCUMENT: Final = "[DOC]"
"""Before each document of a context: it is cut there, where that leaves something."""


class Question:
    """Right is an answer that equals one of those expected after normalising; how right, the F1 of its words."""

    name = "question"
    suffixes = (".json", ".jsonl")
    ways: tuple[Way, ...] = ("call", "tools", "agent", "code")

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a row; ``task_type``, ``family`` and paths of ``images`` may stand in it."""
        context = row.optional("context")
        item = Item(
            format=self.name,
            question=row.text("question"),
            context=None if context is None else cut_context(context),
            expected=list(row.texts("answers")),
            images=row.images("images"),
        )
        return ReadItem(row.text("id"), item, row.optional("task_type"), row.optional("family"))

    def gold(self, item: Item) -> GoldAnswer:
        """Give the first of the expected answers."""
        return GoldAnswer(f"<answer>{item.expected[0]}</answer>")

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Score an answer."""
        answer = last_tagged(said.text)
        hard, soft = exact_match(answer, item.expected), f1_score(answer, item.expected)
        return marked(hard=hard, soft=soft, answer=answer, reasons=("it equals none of the expected answers",))


def cut_context(text: str, most: int = _CONTEXT_CHARS) -> str:
    """Cut a context down to so many characters, at the beginning of a document where there is one to cut at."""
    if len(text) <= most:
        return text
    at = text.rfind(_DOCUMENT, 0, most + len(_DOCUMENT))
    return (text[:at] if at > 0 else text[:most]).rstrip()


QUESTION: Final = Question()
