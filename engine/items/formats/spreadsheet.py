"""Tasks about workbooks, as SpreadsheetBench has them: ``dataset.json``, and for each task pairs of workbooks."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Final

from engine.items.base import GoldAnswer, Item, ItemAnswer, ItemFiles, Mark, ReadItem, Way, marked
from engine.items.errors import RowInvalid
from engine.items.rows import ItemRow
from engine.items.scorers.cells import CellRange, CellRangeUnreadable, CellValue, read_ranges, same_value
from engine.items.workbook import Workbook, WorkbookUnreadable
from events.digest import Digest
from events.values import NamedDigest

_INPUT: Final = re.compile(r"(\d+)_.*_input\.xlsx\Z")


class Spreadsheet:
    """Right is an answer after which every workbook holds what is expected; how right, the share of workbooks.

    Its answers are workbooks, in `ItemAnswer.files` under the names of those that are expected.
    """

    name = "spreadsheetbench"
    suffixes = (".json", ".jsonl")
    ways: tuple[Way, ...] = ("agent", "code")

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a row and of the workbooks that it names."""
        name, path, position = row.text("id"), row.text("spreadsheet_path"), row.text("answer_position")
        try:
            read_ranges(position)
        except CellRangeUnreadable as error:
            raise RowInvalid(error.problem) from error
        files, cases = [], []
        for given in _inputs(row, path):
            wanted = given.replace("_input.xlsx", "_answer.xlsx")
            files += [NamedDigest(each, row.put(row.file(f"{path}/{each}"))) for each in (given, wanted)]
            cases.append([given, wanted])
        item = Item(
            format=self.name,
            question=_question(row, position, [given for given, _ in cases]),
            expected={"position": position, "cases": cases},
            files=tuple(files),
        )
        return ReadItem(name, item, row.optional("instruction_type"), name.partition("-")[0])

    def files(self, item: Item) -> ItemFiles:
        """Give the workbooks that a task begins with, and name those that an answer consists of."""
        begun = {given for given, _ in item.expected["cases"]}
        return ItemFiles(
            given=tuple(each for each in item.files if each.name in begun),
            wanted=tuple(wanted for _, wanted in item.expected["cases"]),
        )

    def untouched(self, item: Item) -> Mapping[str, Digest]:
        """Give each workbook that a task begins with in place of the one that is expected of it."""
        digests = {each.name: each.digest for each in item.files}
        return {wanted: digests[given] for given, wanted in item.expected["cases"]}

    def gold(self, item: Item) -> GoldAnswer:
        """Give the workbooks that are expected."""
        digests = {each.name: each.digest for each in item.files}
        return GoldAnswer("", {wanted: digests[wanted] for _, wanted in item.expected["cases"]})

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Score the workbooks that came of an answer."""
        digests = {each.name: each.digest for each in item.files}
        problems = [
            _problem(item.expected["position"], said, digests[wanted], said.files.get(wanted))
            for _, wanted in item.expected["cases"]
        ]
        wrong = [problem for problem in problems if problem is not None]
        soft = Fraction(len(problems) - len(wrong), len(problems))
        return marked(hard=not wrong, soft=soft, answer=None, reasons=tuple(wrong))


def _inputs(row: ItemRow, path: str) -> Sequence[str]:
    """Name the workbooks that a task begins with, by their number."""
    folder = row.inside(path)
    found = [
        (int(match[1]), each.name)
        for each in (folder.iterdir() if folder.is_dir() else ())
        if (match := _INPUT.match(each.name))
    ]
    if not found:
        raise RowInvalid(f"the folder {path} holds no workbook whose name ends in _input.xlsx")
    return [name for _, name in sorted(found)]


def _question(row: ItemRow, position: str, inputs: Sequence[str]) -> str:
    sheets = f"Workbooks of this kind: {', '.join(str(PurePosixPath(each)) for each in inputs)}."
    kind = row.optional("instruction_type")
    return "\n\n".join(
        filter(None, (row.text("instruction"), sheets, f"Kind of task: {kind}." if kind else "",
                      f"The answer stands in these cells: {position}."))
    )  # fmt: skip


def _problem(position: str, said: ItemAnswer, wanted: Digest, found: Digest | None) -> str | None:
    """Say what is wrong with one workbook. None: nothing."""
    if found is None:
        return "the workbook was not written"
    expected = Workbook(said.read(wanted))
    try:
        written = Workbook(said.read(found))
    except WorkbookUnreadable as error:
        return error.problem
    first = expected.sheets[0]
    for cells in read_ranges(position):
        want, have = expected.values(cells, first), written.values(cells, first)
        if want is None or have is None:
            return f"there is no sheet {cells.sheet or first!r}"
        if (wrong := _differing(cells, want, have)) is not None:
            return f"{wrong} differs"
    return None


def _differing(cells: CellRange, want: Sequence[CellValue], have: Sequence[CellValue]) -> str | None:
    """Name the first cell that differs; never what it should hold."""
    pairs = zip(cells.cells, want, have, strict=True)
    return next((name for name, one, other in pairs if not same_value(one, other)), None)


SPREADSHEET: Final = Spreadsheet()
