"""Cells of workbooks, as SpreadsheetBench compares them: numbers to two decimals, days whole, else equal; pure."""

import re
from datetime import date, datetime, time, timedelta
from typing import ClassVar, Final, NamedTuple, TypeAlias

from events.errors import ExitCode, StillroomError

CellValue: TypeAlias = str | float | int | bool | datetime | date | time | timedelta | None
"""What a cell holds, a formula's last result included. None: nothing."""
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - days of a workbook have no zone
_CELL: Final = re.compile(r"([A-Za-z]+)([0-9]+)\Z")


class CellRangeUnreadable(StillroomError):
    """Raised when a range of cells is not written as ``B2`` or ``A1:C9``."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, written: str) -> None:
        super().__init__(
            f"{written!r} is not a range of cells", remedy="name cells by column and row, such as B2 or A1:C9"
        )


class CellRange(NamedTuple):
    """Cells of one sheet."""

    sheet: str | None
    """None: the first sheet."""
    cells: tuple[str, ...]
    """Names such as ``B2``, column by column."""


def same_value(one: CellValue, other: CellValue) -> bool:
    """Say whether two cells hold the same: an empty text equals nothing at all, and ``"1.0"`` equals 1."""
    one, other = _comparable(one), _comparable(other)
    if one in {None, ""} and other in {None, ""}:
        return True
    return one == other


def cell_names(written: str) -> tuple[str, ...]:
    """List the cells of a range, column by column. A range that ends before it begins holds none.

    Raises:
        CellRangeUnreadable: It is not written as one.
    """
    first, _, last = written.partition(":")
    begin, end = _place(first, written), _place(last or first, written)
    columns = [_column_name(number) for number in range(begin[0], end[0] + 1)]
    return tuple(f"{column}{row}" for column in columns for row in range(begin[1], end[1] + 1))


def read_ranges(position: str) -> tuple[CellRange, ...]:
    """Read where an answer stands, such as ``'Sheet1'!A2:B19,'Sheet2'!C1``.

    Raises:
        CellRangeUnreadable: A part of it is no range.
    """
    return tuple(_range(part.strip()) for part in position.split(","))


def _range(part: str) -> CellRange:
    sheet, found, cells = part.rpartition("!")
    return CellRange(sheet.strip("'") if found else None, cell_names(cells.strip("'")))


def _place(cell: str, written: str) -> tuple[int, int]:
    """Give column and row of a cell, both from 1."""
    found = _CELL.match(cell.strip().replace("$", ""))
    if found is None:
        raise CellRangeUnreadable(written)
    column = 0
    for letter in found[1].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column, int(found[2])


def _column_name(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _comparable(value: CellValue) -> CellValue:
    match value:
        case bool() | int() | float():
            return round(float(value), 2)
        case datetime():
            days = value.replace(tzinfo=None) - _EPOCH
            return round(days.days + days.seconds / 86400, 0)
        case time():
            return str(value)[:-3]
        case str():
            return _number_in(value)
        case _:
            return value


def _number_in(text: str) -> str | float:
    try:
        return round(float(text), 2)
    except ValueError:
        return text
