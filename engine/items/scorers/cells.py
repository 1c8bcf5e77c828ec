"""Cells of workbooks, as SpreadsheetBench compares them: numbers to two decimals, days whole, else equal; pure."""

import re
from datetime import date, datetime, time, timedelta
from typing import ClassVar, Final, NamedTuple, TypeAlias

from events.errors import ExitCode, StillroomError

CellValue: TypeAlias = str | float | int | bool | datetime | date | time | timedelta | None
"""What a cell holds, a formula's last result included. None: nothing."""
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - days of a workbook have no zone
_CELL: Final = re.compile(r"([A-Za-z]+)([0-9]{1,9})\Z")
_PART: Final = re.compile(r"([A-Za-z]{0,9})([1-9][0-9]{0,8})?\Z")
_QUOTES: Final = ("'", '"')
MOST_ROWS: Final = 1_048_576
"""Of a sheet."""
MOST_COLUMNS: Final = 16_384
"""Of a sheet."""
_MOST_CELLS: Final = 2_000_000
"""Of a range that is not whole columns or rows; published tasks name some 100,000 at most."""


class CellRangeUnreadable(StillroomError):
    """Raised when a range of cells is not written as ``B2`` or ``A1:C9``."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, written: str) -> None:
        super().__init__(
            f"{written!r} is not a range of cells that can be compared",
            remedy="name cells by column and row, such as B2, A1:C9 or A:C",
        )


class _End(NamedTuple):
    """Where a range begins or ends, counted from 1. None: it has no end in this direction."""

    column: int | None
    row: int | None


class SheetSize(NamedTuple):
    """How far a sheet reaches, or the larger of two."""

    rows: int
    columns: int


class CellRange(NamedTuple):
    """Cells of one sheet."""

    sheet: str | None
    """None: the sheet that is meant where none is named."""
    written: str
    """Such as ``A1:C9``; ``A:C`` and ``2:3`` are whole columns and rows."""

    def cells(self, reach: SheetSize) -> tuple[str, ...]:
        """List the names of its cells, such as ``B2``, column by column.

        Args:
            reach: Where whole columns and rows end.
        """
        if not (whole := _whole(self.written)):
            return cell_names(self.written)
        begin, end = whole
        return _named(begin.column or 1, end.column or reach.columns, begin.row or 1, end.row or reach.rows)


def same_value(one: CellValue, other: CellValue) -> bool:
    """Say whether two cells hold the same: an empty text equals nothing at all, and ``"1.0"`` equals 1."""
    one, other = _comparable(one), _comparable(other)
    if one in {None, ""} and other in {None, ""}:
        return True
    return one == other


def cell_names(written: str) -> tuple[str, ...]:
    """List the cells of a range, column by column; a single cell as it is written.

    A range that ends before it begins holds none.

    Raises:
        CellRangeUnreadable: It is not written as one.
    """
    first, parted, last = written.partition(":")
    begin, end = _place(first, written), _place(last if parted else first, written)
    return _named(begin[0], end[0], begin[1], end[1]) if parted else (written,)


def read_ranges(position: str) -> tuple[CellRange, ...]:
    """Read where an answer stands, such as ``'Sheet1'!A2:B19,'Sheet2'!C1``.

    Quotes around names of sheets may be missing on a side, as data sets have it; a comma within both parts nothing.

    Raises:
        CellRangeUnreadable: A part of it is no range, or holds more cells than can be compared.
    """
    found: list[CellRange] = []
    kept = ""
    for part in position.split(","):
        kept = f"{kept},{part}" if kept else part
        if not kept.strip() or _opens(kept):
            continue
        found.append(_range(kept.strip()))
        kept = ""
    if kept.strip() or not found:
        raise CellRangeUnreadable(position)
    return tuple(found)


def _opens(part: str) -> bool:
    """Say whether a quoted name of a sheet begins that goes on behind the comma."""
    return part.strip()[:1] in _QUOTES and "!" not in part and part.count(part.strip()[0]) % 2 == 1


def _range(part: str) -> CellRange:
    sheet, found, cells = (each.strip().strip("".join(_QUOTES)) for each in part.rpartition("!"))
    written = cells.strip()
    if (found and not sheet) or (_whole(written) is None and _count(written) > _MOST_CELLS):
        raise CellRangeUnreadable(part)
    return CellRange(sheet if found else None, written)


def _count(written: str) -> int:
    """Count the cells of a range, all of which have to be of a workbook."""
    first, _, last = written.partition(":")
    begin, end = _place(first, written), _place(last or first, written)
    for column, row in (begin, end):
        if not (1 <= column <= MOST_COLUMNS and 1 <= row <= MOST_ROWS):
            raise CellRangeUnreadable(written)
    return max(end[0] - begin[0] + 1, 0) * max(end[1] - begin[1] + 1, 0)


def _whole(written: str) -> tuple[_End, _End] | None:
    """Read a range that has no end in a direction, such as ``A:C``, ``2:3`` or ``B2:B``. None: it is something else."""
    first, parted, last = written.partition(":")
    begin, end = _end(first), _end(last)
    if not parted or begin is None or end is None or (None not in begin and None not in end):
        return None
    if not (begin.column and end.column) and not (begin.row and end.row):
        return None
    fits = all((each.column or 1) <= MOST_COLUMNS and (each.row or 1) <= MOST_ROWS for each in (begin, end))
    return (begin, end) if fits else None


def _end(cell: str) -> _End | None:
    """Read a cell of which column or row may be missing. None: it is none, or has neither."""
    found = _PART.match(cell.strip().replace("$", ""))
    if found is None or not (found[1] or found[2]):
        return None
    return _End(_column(found[1]) if found[1] else None, int(found[2]) if found[2] else None)


def _place(cell: str, written: str) -> tuple[int, int]:
    """Give column and row of a cell, both from 1."""
    found = _CELL.match(cell.strip().replace("$", ""))
    if found is None:
        raise CellRangeUnreadable(written)
    return _column(found[1]), int(found[2])


def _column(letters: str) -> int:
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column


def _named(left: int, right: int, top: int, bottom: int) -> tuple[str, ...]:
    columns = [_column_name(number) for number in range(left, right + 1)]
    return tuple(f"{column}{row}" for column in columns for row in range(top, bottom + 1))


def _column_name(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _comparable(value: CellValue) -> CellValue:
    match value:
        case bool() | int() | float():
            return _rounded(value)
        case datetime():
            days = value.replace(tzinfo=None) - _EPOCH
            return round(days.days + days.seconds / 86400, 0)
        case time():
            return str(value)[:-3]
        case str():
            return _number_in(value)
        case _:
            return value


def _rounded(number: float) -> float:
    try:
        return round(float(number), 2)
    except OverflowError:  # a whole number beyond all that a float holds: whoever works on a workbook can write one
        return number


def _number_in(text: str) -> str | float:
    try:
        return round(float(text), 2)
    except ValueError:
        return text
