"""A skill's own evaluations, as Agent Skills write them: ``evals/evals.json`` with prompts and assertions.

What an assertion says is checked by rule where its words are those of a rule; all else is for a judge model. Without a
judge there is no score: an assertion that nobody checked has neither passed nor failed.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec

from engine.items.base import Folder, Item, ItemAnswer, ItemFiles, Mark, ReadItem, Way, marked
from engine.items.errors import RowInvalid
from engine.items.rows import ItemRow
from engine.items.scorers.assertions import check, judged_verdicts
from events.values import NamedDigest

_ROOT: Final = "evals/"
"""Paths of files begin at the skill's folder, which holds the folder of the set."""
_TRIGGERS: Final = re.compile(r"trigger|quer(?:y|ies)", re.IGNORECASE)
"""In names of files. They are read as `agentskills_triggers`."""
_UNCHECKED: Final = "no judge has checked: {}; name one as models.judge"


class SkillEvals:
    """Right is an answer of which every assertion holds; how right, the share of assertions that hold."""

    name = "agentskills"
    suffixes = (".json",)
    ways: tuple[Way, ...] = ("call", "tools", "agent", "code")
    array = "evals"
    """Key of the file under which the rows stand."""
    open_ended = True

    def picks(self, file: str) -> bool:
        """Leave out trigger queries, which lie in the same folder."""
        return _TRIGGERS.search(file) is None

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a case: ``id``, ``prompt``, ``expected_output``, ``files``, ``assertions``."""
        files = tuple(NamedDigest(path, row.put(row.file(path.removeprefix(_ROOT)))) for path in _list(row, "files"))
        assertions = (*_list(row, "assertions"), *_list(row, "expectations"))  # the latter is an earlier name of them
        expected = row.optional("expected_output")
        if not assertions and expected is None:
            raise RowInvalid("neither `assertions` nor `expected_output` says what is right")
        texts = {path: text for path in _list(row, "files") if (text := _text(row, path)) is not None}
        item = Item(
            format=self.name,
            question=row.text("prompt"),
            expected={"output": expected, "assertions": list(assertions or (expected,))},
            folder=row.put(msgspec.json.encode(Folder(texts))) if texts else None,
            files=files,
        )
        return ReadItem(row.text("id"), item)

    def files(self, item: Item) -> ItemFiles:
        """Give all files of a case."""
        return ItemFiles(item.files)

    def to_judge(self, item: Item, text: str) -> tuple[str, ...]:
        """List the assertions that no rule checks."""
        return tuple(each for each in item.expected["assertions"] if check(each, text) is None)

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Check every assertion."""
        assertions: list[str] = item.expected["assertions"]
        verdicts: dict[str, bool | None] = {each: check(each, said.text) for each in assertions}
        verdicts |= judged_verdicts(self.to_judge(item, said.text), said.judged)
        unchecked = [each for each in assertions if verdicts[each] is None]
        if unchecked:
            return Mark("infrastructure", None, None, said.text, (_UNCHECKED.format("; ".join(unchecked)),))
        failed = [number for number, each in enumerate(assertions, start=1) if not verdicts[each]]
        soft = Fraction(len(assertions) - len(failed), len(assertions))
        reasons = tuple(f"assertion {number} of {len(assertions)} does not hold" for number in failed)
        return marked(hard=not failed, soft=soft, answer=said.text, reasons=reasons)


def _list(row: ItemRow, key: str) -> Sequence[str]:
    """Give a list of texts that may be missing or empty."""
    value: Any = row.fields.get(key)
    return () if value in (None, []) else row.texts(key)


def _text(row: ItemRow, path: str) -> str | None:
    """Read a file as a text. None: it is none."""
    try:
        return row.file(path.removeprefix(_ROOT)).decode("utf-8-sig") if PurePosixPath(path).name else None
    except UnicodeDecodeError:
        return None


SKILL_EVALS: Final = SkillEvals()
