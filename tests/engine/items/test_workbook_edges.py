"""Workbooks as people and programs leave them: their cells, their sheets, the names of their files."""

import datetime as dt
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from engine.items.base import ItemAnswer, Mark
from engine.items.errors import ItemsInvalid
from engine.items.formats.spreadsheet import SPREADSHEET
from engine.items.gold import gold_mark
from engine.items.item_set import ItemSelection, decode_item, load_items
from events.digest import Digest, digest_of

openpyxl: Any = pytest.importorskip("openpyxl")
Change = Callable[[Any], object]


def book(*changes: Change) -> bytes:
    """Write a workbook with a first and a second sheet."""
    made = openpyxl.Workbook()
    made.active.title = "First"
    made.create_sheet("Second")
    for change in changes:
        change(made)
    kept = BytesIO()
    made.save(kept)
    return kept.getvalue()


def cell(where: str, value: Any) -> Change:
    """Write a cell, such as ``Second!B2``."""
    sheet, _, name = where.rpartition("!")
    return lambda made: made[sheet or "First"].__setitem__(name, value)


class Laid:
    """One task, laid out and read."""

    def __init__(self, folder: Path, row: dict[str, Any], **files: bytes) -> None:
        """Write it.

        Args:
            folder: Of the set.
            row: Besides what each row has.
            files: Of the task, by name without suffix.
        """
        there = folder / "spreadsheet" / "1-2"
        there.mkdir(parents=True)
        for name, data in files.items():
            (there / f"{name}.xlsx").write_bytes(data)
        whole = {"id": "1-2", "instruction": "Do.", "answer_position": "A1", **row}
        (folder / "dataset.json").write_text(json.dumps([whole]))
        self.kept: dict[Digest, bytes] = {}
        (ref,) = load_items("s", SPREADSHEET, folder, ItemSelection(), self.put).items
        self.item = decode_item(self.kept[ref.digest])

    def put(self, data: bytes) -> Digest:
        """Keep bytes."""
        self.kept[digest_of(data)] = data
        return digest_of(data)

    def scored(self, *written: bytes) -> Mark:
        """Score workbooks that came of an answer, in order of the pairs."""
        wanted = SPREADSHEET.files(self.item).wanted
        files = {name: self.put(data) for name, data in zip(wanted, written, strict=False)}
        return SPREADSHEET.score(self.item, ItemAnswer("", self.kept.__getitem__, files))


def pair(folder: Path, position: str, expected: bytes, **row: Any) -> Laid:
    """Lay out a task with one pair of workbooks."""
    return Laid(folder, {"answer_position": position, **row}, **{"1_1-2_input": book(), "1_1-2_answer": expected})


@pytest.mark.parametrize(
    ("expected", "written", "same"),
    [
        (dt.datetime(2020, 1, 1, 9), dt.datetime(2020, 1, 1), True),  # noqa: DTZ001 - cells have no zone
        (dt.datetime(2020, 1, 1), 43831, True),  # noqa: DTZ001
        (dt.date(2020, 1, 1), "2020-01-01", False),
        (dt.time(9, 30, 1), dt.time(9, 30, 59), True),
        (dt.time(9, 30), "09:30", True),
        (dt.timedelta(hours=30), dt.timedelta(hours=30), True),
        (True, 1, True),
        (True, "TRUE", False),
        (False, None, False),
        (0.125, 0.12, True),
        ("12", 12, True),
        ("1,200", 1200, False),
        ("12%", 0.12, False),
        ("é", "e\u0301", False),
        ("#N/A", "#N/A", True),
        ("", None, True),
        ("=1+1", 2, False),
        ("=1+1", None, True),
    ],
)
def test_what_cells_hold(expected: Any, written: Any, *, same: bool, tmp_path: Path) -> None:
    """Once through a file; a formula that no program has worked out holds nothing."""
    laid = pair(tmp_path, "A1", book(cell("A1", expected)))
    assert laid.scored(book(cell("A1", written))).hard is same


def test_a_number_that_no_float_holds_is_another_and_breaks_nothing(tmp_path: Path) -> None:
    """An agent may leave anything in a cell: it is wrong, and the run goes on."""
    laid = pair(tmp_path, "A1", book(cell("A1", 5)))
    with ZipFile(BytesIO(book(cell("A1", 5)))) as parts:
        held = {name: parts.read(name) for name in parts.namelist()}
    for digits in (400, 5_000):
        made = BytesIO()
        with ZipFile(made, "w") as parts:
            for name, data in held.items():
                parts.writestr(name, data.replace(b"<v>5</v>", b"<v>" + b"9" * digits + b"</v>"))
        assert laid.scored(made.getvalue()).outcome == "unsolved"


def test_merged_and_hidden_cells_count_as_they_stand(tmp_path: Path) -> None:
    """Of merged ones the first holds the value, and the others nothing."""

    def merge(made: Any) -> None:
        made["Second"].merge_cells("A1:B2")
        made["Second"].sheet_state = "hidden"

    expected = book(cell("Second!A1", "x"), merge)
    laid = pair(tmp_path, "'Second'!A1:B2", expected)
    assert laid.scored(expected).hard
    assert laid.scored(book(cell("Second!A1", "x"))).hard
    assert laid.scored(book(cell("Second!A1", "x"), cell("Second!B2", "x"))).reasons == ("B2 differs",)


def test_whole_columns_reach_to_the_end_of_the_longer_sheet(tmp_path: Path) -> None:
    """What was written behind the last expected cell is wrong, too."""
    expected = book(cell("A1", 1), cell("A3", 3))
    laid = pair(tmp_path, "A:A", expected)
    assert laid.scored(expected).hard
    assert laid.scored(book(cell("A1", 1), cell("A3", 3), cell("B9", 9))).hard
    assert laid.scored(book(cell("A1", 1), cell("A3", 3), cell("A9", 9))).reasons == ("A9 differs",)
    assert laid.scored(book(cell("A1", 1))).reasons == ("A3 differs",)


def test_ranges_lie_on_several_sheets_and_one_that_is_missing_is_named(tmp_path: Path) -> None:
    """Names hold commas and apostrophes; nothing of what is expected is told."""
    names: list[Change] = [lambda made: made.create_sheet("a, b"), lambda made: made.create_sheet("It's")]
    expected = book(*names, cell("A1", 1), cell("a, b!B2", 2), cell("It's!C3", 3))
    laid = pair(tmp_path, "A1,'a, b'!B2,'It''s'!C3", expected)
    assert laid.scored(expected).hard
    assert laid.scored(book(*names, cell("A1", 1), cell("a, b!B2", 2))).reasons == ("C3 differs",)
    assert laid.scored(book(*names[1:], cell("A1", 1))).reasons == ("there is no sheet 'a, b'",)


def test_a_sheet_that_is_a_chart_has_no_cells(tmp_path: Path) -> None:
    """Neither as the first of the expected workbook nor where an agent left one in place of a sheet."""

    def chart(made: Any, name: str) -> None:
        made.create_chartsheet(name, 0).add_chart(openpyxl.chart.BarChart())

    def chart_first(made: Any) -> None:
        chart(made, "Chart")

    def chart_instead(made: Any) -> None:
        del made["First"]
        chart(made, "First")

    expected = book(chart_first, cell("A1", 1))
    laid = pair(tmp_path, "A1", expected)
    assert laid.scored(expected).hard
    assert laid.scored(book(chart_instead)).reasons == ("there is no sheet 'First'",)


@pytest.mark.parametrize(
    ("sheet", "asked"),
    [("Second", "'Second'!A1"), ("First", "A1"), ("Gone", "A1"), ("First,Second", "A1"), ("", "A1")],
)
def test_a_row_may_name_its_sheet_beside_its_range(sheet: str, asked: str, tmp_path: Path) -> None:
    """It counts where the range names none, and the expected workbook has it in another place than the first."""
    laid = pair(tmp_path, "A1", book(cell("Second!A1", "x")), answer_sheet=sheet)
    assert laid.item.expected["position"] == asked
    assert f"these cells: {asked}." in laid.item.question
    assert laid.scored(book(cell("Second!A1", "x"))).hard
    assert laid.scored(book()).hard is (asked == "A1")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["1_1-2_input", "2_1-2_input", "10_1-2_input"], ["1_1-2_answer", "2_1-2_answer", "10_1-2_answer"]),
        (["1_1-2_init"], ["1_1-2_golden"]),
        (["initial"], ["golden"]),
    ],
)
def test_workbooks_are_called_as_the_releases_have_it(given: list[str], wanted: list[str], tmp_path: Path) -> None:
    """By number, not by letters; what else lies there is none of the task."""
    files = {name: book(cell("A1", name)) for name in (*given, *wanted, "notes")}
    laid = Laid(tmp_path, {}, **files)
    assert SPREADSHEET.files(laid.item).wanted == tuple(f"{name}.xlsx" for name in wanted)
    assert [each.name for each in SPREADSHEET.files(laid.item).given] == [f"{name}.xlsx" for name in given]
    mark = gold_mark(laid.item, laid.kept.__getitem__)
    assert mark is not None
    assert mark.hard
    assert laid.scored(*[files[name] for name in wanted[:1]]).hard is (len(wanted) == 1)


@pytest.mark.parametrize(
    ("row", "files", "told"),
    [
        ({}, {}, "holds no workbook whose name ends in _input.xlsx"),
        ({}, {"1_1-2_input": book()}, "1_1-2_answer.xlsx does not exist"),
        ({}, {"1_1-2_input": b"", "1_1-2_answer": book()}, "_input.xlsx is not a readable workbook"),
        ({}, {"1_1-2_input": book(), "1_1-2_answer": b"PK"}, "_answer.xlsx is not a readable workbook"),
        ({"answer_position": ""}, {"1_1-2_input": book(), "1_1-2_answer": book()}, "`answer_position` must be a text"),
        ({"answer_position": "Sheet2"}, {"1_1-2_input": book(), "1_1-2_answer": book()}, "'Sheet2' is not a range"),
        ({"spreadsheet_path": "/tmp"}, {}, "leads out of the folder"),
    ],
)
def test_a_task_that_cannot_be_scored_is_refused_by_name(
    row: dict[str, Any], files: dict[str, bytes], told: str, tmp_path: Path
) -> None:
    """Before anything is paid for."""
    with pytest.raises(ItemsInvalid, match=f"dataset.json:1: .*{told}"):
        Laid(tmp_path, row, **files)


def test_an_archive_that_only_looks_like_a_workbook_gives_no_score(tmp_path: Path) -> None:
    """As an expected one it is no fault of the answer; as an answer it is wrong."""
    made = BytesIO()
    with ZipFile(made, "w") as parts:
        parts.writestr("[Content_Types].xml", "<Types/>")
    laid = pair(tmp_path, "A1", made.getvalue())
    mark = laid.scored(book())
    assert (mark.outcome, mark.hard, mark.soft) == ("infrastructure", None, None)
    assert mark.reasons[0].startswith("a workbook that is expected is not a readable workbook")
    other = pair(tmp_path / "other", "A1", book())
    assert other.scored(made.getvalue()).outcome == "unsolved"
