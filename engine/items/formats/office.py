"""Figures from official reports, as OfficeQA writes them: a table of ``uid``, ``question``, ``answer``."""

from typing import Final

import msgspec

from engine.items.base import Folder, GoldAnswer, Item, ItemAnswer, Mark, ReadItem, Way, marked
from engine.items.errors import RowInvalid
from engine.items.rows import ItemRow
from engine.items.scorers.answer_tags import first_tagged
from engine.items.scorers.office import office_score

_DOCUMENTS: Final = "documents"
"""Folder of the documents, beside the table."""


class Office:
    """Right is the figure that is expected, however it is punctuated; how right, the F1 of its words."""

    name = "officeqa"
    suffixes = (".csv", ".json", ".jsonl")
    ways: tuple[Way, ...] = ("call", "tools", "agent", "code")

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a row. Its source files are what the model may read, where they lie beside the table."""
        name = row.text("uid") if "uid" in row.fields else row.text("id")
        texts = {path: _text(row, path) for path in _sources(row) if row.inside(f"{_DOCUMENTS}/{path}").is_file()}
        item = Item(
            format=self.name,
            question=row.text("question"),
            expected=row.text("answer"),
            folder=row.put(msgspec.json.encode(Folder(texts))) if texts else None,
        )
        return ReadItem(name, item, row.optional("difficulty"))

    def gold(self, item: Item) -> GoldAnswer:
        """Give the expected figure."""
        return GoldAnswer(f"<answer>{item.expected}</answer>")

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Score an answer."""
        answer = first_tagged(said.text)
        score = office_score(answer, item.expected)
        return marked(hard=score.exact, soft=score.f1, answer=answer, reasons=("it is another figure",))


def _sources(row: ItemRow) -> list[str]:
    """List the documents that a question rests on."""
    written = row.fields.get("source_files") or ""
    parts = written if isinstance(written, list) else str(written).replace(";", "\n").splitlines()
    return [str(each).strip() for each in parts if str(each).strip()]


def _text(row: ItemRow, path: str) -> str:
    try:
        return row.file(f"{_DOCUMENTS}/{path}").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RowInvalid(f"{path} is no text in UTF-8: {error}") from error


OFFICE: Final = Office()
