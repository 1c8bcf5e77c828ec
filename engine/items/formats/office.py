"""Figures from official reports, as OfficeQA writes them: a table of ``uid``, ``question``, ``answer``.

What the model may look into are the documents that a row names (``officeqa``), or all that lie beside the table
(``officeqa_corpus``), among which it has to find them.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec

from engine.items.base import Folder, GoldAnswer, Item, ItemAnswer, Mark, ReadItem, Way, marked
from engine.items.rows import ItemRow
from engine.items.scorers.answer_tags import first_tagged
from engine.items.scorers.office import office_score
from events.digest import Digest

_DOCUMENTS: Final = "documents"
"""Folder of the documents, beside the table."""
_TEXTS: Final = (".txt", ".md", ".json", ".csv")
"""Of files that are documents."""
_SEPARATOR: Final = re.compile(rf"[;\r\n]|(?:{'|'.join(rf'(?<={re.escape(each)})' for each in _TEXTS)})\s*,")
"""Between names of documents; a comma only behind one, since names may have some."""
_NAMES: Final = ("uid", "id")
_ANSWERS: Final = ("answer", "ground_truth")
_TYPES: Final = ("difficulty", "category")
"""Names that tables have for one thing; the first under which a row has a value counts."""


class Office:
    """Right is the figure that is expected, however it is punctuated; how right, the F1 of its words."""

    suffixes = (".csv", ".json", ".jsonl")
    ways: tuple[Way, ...] = ("call", "tools", "agent", "code")

    def __init__(self, name: str, *, whole: bool) -> None:
        """Say which documents there are.

        Args:
            name: Of the format.
            whole: Whether each item has all documents. False: those that its row names.
        """
        self.name = name
        self._whole = whole

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a row. Without a folder of documents, the model has none to look into."""
        name = row.text(row.first_of(_NAMES))
        item = Item(
            format=self.name,
            question=row.text("question"),
            expected=row.text(row.first_of(_ANSWERS)),
            folder=self._folder(row),
        )
        return ReadItem(name, item, row.optional(row.first_of(_TYPES)))

    def _folder(self, row: ItemRow) -> Digest | None:
        """Keep the documents that the model may look into. None: there are none."""
        if self._whole:
            return row.once(_DOCUMENTS, lambda: _kept(row.texts_below(_DOCUMENTS, _TEXTS)))
        if not row.inside(_DOCUMENTS).is_dir():
            return None
        texts = {path: row.text_file(f"{_DOCUMENTS}/{path}") for path in _sources(row)}
        return row.put(_kept(texts)) if texts else None

    def gold(self, item: Item) -> GoldAnswer:
        """Give the expected figure."""
        return GoldAnswer(f"<answer>{item.expected}</answer>")

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Score an answer."""
        answer = first_tagged(said.text)
        score = office_score(answer, item.expected)
        return marked(hard=score.exact, soft=score.f1, answer=answer, reasons=("it is another figure",))


def _sources(row: ItemRow) -> list[str]:
    """List the documents that a question rests on: a list, one that is written as JSON, or one a line."""
    written = row.fields.get("source_files") or ""
    with suppress(ValueError, RecursionError):
        written = json.loads(written) if isinstance(written, str) and written.lstrip().startswith("[") else written
    parts = written if isinstance(written, list) else _SEPARATOR.split(str(written))
    return [str(each).strip() for each in parts if str(each).strip()]


def _kept(texts: Mapping[str, str]) -> bytes:
    return msgspec.json.encode(Folder(dict(texts)))


OFFICE: Final = Office("officeqa", whole=False)
CORPUS: Final = Office("officeqa_corpus", whole=True)
