"""Tasks about workbooks, as SpreadsheetBench has them: ``dataset.json``, and for each task pairs of workbooks."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Final

from engine.items.base import GoldAnswer, Item, ItemAnswer, ItemFiles, Mark, ReadItem, Way, marked
from engine.items.errors import RowInvalid
from engine.items.rows import ItemRow
from engine.items.scorers.cells import CellRangeUnreadable, SheetSize, read_ranges, same_value
from engine.items.workbook import Workbook, WorkbookUnreadable, require_workbook
from events.digest import Digest
from events.values import NamedDigest

_INPUT: Final = re.compile(r"(\d+)_.*_(input|init)\.xlsx\Z")
_EXPECTED: Final = {"input": "answer", "init": "golden"}
"""How the expected workbook of a pair ends, by how the given one does; the latter are those of the verified release."""
_FOLDER: Final = "spreadsheet"
"""Beside the dataset: it holds a folder for each task."""
_BARE: Final = ("initial.xlsx", "golden.xlsx")
"""The one pair of a task whose workbooks have no number."""


class Spreadsheet:
    """Right is an answer after which every workbook holds what is expected; how right, the share of workbooks.

    Its answers are workbooks, in `ItemAnswer.files` under the names of those that are expected.
    """

    name = "spreadsheetbench"
    suffixes = (".json", ".jsonl")
    ways: tuple[Way, ...] = ("agent", "code")

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a row and of the workbooks that it names."""
        name = row.text("id")
        path = row.optional("spreadsheet_path") or f"{_FOLDER}/{name}"
        cases = _cases(row, path)
        data = {each: _workbook(row, f"{path}/{each}") for case in cases for each in case}
        position = _position(row, data[cases[0][1]])
        files = [NamedDigest(each, row.put(data[each])) for each in data]
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
        try:
            problems = [
                _problem(item.expected["position"], said, digests[wanted], said.files.get(wanted))
                for _, wanted in item.expected["cases"]
            ]
        except WorkbookUnreadable as error:
            return Mark("infrastructure", None, None, None, (f"a workbook that is expected is {error.problem}",))
        wrong = [problem for problem in problems if problem is not None]
        soft = Fraction(len(problems) - len(wrong), len(problems))
        return marked(hard=not wrong, soft=soft, answer=None, reasons=tuple(wrong))


def _cases(row: ItemRow, path: str) -> list[list[str]]:
    """Name the pairs of workbooks of a task, by their number: what it begins with, and what is expected."""
    folder = row.inside(path)
    names = sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []
    found = [
        (int(match[1]), name, f"{name.removesuffix(f'{match[2]}.xlsx')}{_EXPECTED[match[2]]}.xlsx")
        for name in names
        if (match := _INPUT.match(name))
    ]
    if not found and _BARE[0] in names:
        return [[*_BARE]]
    if not found:
        raise RowInvalid(f"the folder {path} holds no workbook whose name ends in _input.xlsx or _init.xlsx")
    return [[given, wanted] for _, given, wanted in sorted(found)]


def _workbook(row: ItemRow, path: str) -> bytes:
    data = row.file(path)
    try:
        require_workbook(data)
    except WorkbookUnreadable as error:
        raise RowInvalid(f"the file {path} is {error.problem}") from error
    return data


def _position(row: ItemRow, expected: bytes) -> str:
    """Say where the answer stands, with the sheet that a row names beside it where that is not the first one."""
    position, sheet = row.text("answer_position"), row.optional("answer_sheet")
    try:
        ranges = read_ranges(position)
        if sheet is not None and all(each.sheet is None for each in ranges):
            known = Workbook(expected).sheets
            if sheet in known[1:]:
                return ",".join(f"'{sheet}'!{each.written}" for each in ranges)
    except (CellRangeUnreadable, WorkbookUnreadable) as error:
        raise RowInvalid(error.problem) from error
    return position


def _question(row: ItemRow, position: str, inputs: Sequence[str]) -> str:
    sheets = f"Workbooks of this kind: {', '.join(str(PurePosixPath(each)) for each in inputs)}."
    kind = row.optional("instruction_type")
    return "\n\n".join(
        filter(None, (row.text("instruction"), sheets, f"Kind of task: {kind}." if kind else "",
                      f"The answer stands in these cells: {position}."))
    )  # fmt: skip


def _problem(position: str, said: ItemAnswer, wanted: Digest, found: Digest | None) -> str | None:
    """Say what is wrong with one workbook. None: nothing.

    Raises:
        WorkbookUnreadable: The one that is expected cannot be read.
    """
    expected = Workbook(said.read(wanted))
    if found is None:
        return "the workbook was not written"
    try:
        written = Workbook(said.read(found))
    except WorkbookUnreadable as error:
        return error.problem
    first = next(iter(expected.sheets), "")
    for cells in read_ranges(position):
        one, other = expected.reach(cells, first), written.reach(cells, first)
        if one is None or other is None:
            return f"there is no sheet {cells.sheet or first!r}"
        reach = SheetSize(max(one.rows, other.rows), max(one.columns, other.columns))
        want, have = expected.values(cells, first, reach), written.values(cells, first, reach)
        if (wrong := next((name for name in want if not same_value(want[name], have[name])), None)) is not None:
            return f"{wrong} differs"  # never what it should hold
    return None


SPREADSHEET: Final = Spreadsheet()
