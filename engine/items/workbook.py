"""Workbooks: the one door to openpyxl, which is optional: the extra ``sheets``. It is loaded when one is read."""

import warnings
from collections.abc import Mapping
from importlib import import_module
from io import BytesIO
from typing import Any, ClassVar, Final
from zipfile import BadZipFile, ZipFile

from engine.core.errors import EngineError
from engine.items.scorers.cells import CellRange, CellValue, SheetSize
from events.errors import ExitCode

_LARGEST: Final = 256 * 1024 * 1024
"""Bytes that a workbook may unpack to: a small file can hold far more than fits into memory."""
_CONTENTS: Final = "[Content_Types].xml"
"""Part of an archive by which it is a workbook, or another document of an office."""


class WorkbooksAbsent(EngineError):
    """Raised when a workbook is read, and openpyxl is not installed."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "workbooks need openpyxl, which is not installed",
            remedy="run `pip install openpyxl`, or install this package with its extra `sheets`",
        )


class WorkbookUnreadable(EngineError):
    """Raised when bytes are no workbook, or one that is too large."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"not a readable workbook: {problem}", remedy="save it as .xlsx")


class Workbook:
    """The values of a workbook; of formulas their last results, as the program that saved it left them."""

    def __init__(self, data: bytes) -> None:
        """Read one.

        Raises:
            WorkbooksAbsent: openpyxl is not installed.
            WorkbookUnreadable: The bytes are none.
        """
        self._book = _load(data)

    @property
    def sheets(self) -> tuple[str, ...]:
        """Names of its sheets that have cells, in order."""
        return tuple(each.title for each in self._book.worksheets)

    def reach(self, cells: CellRange, first: str) -> SheetSize | None:
        """Say how far the sheet of some cells reaches. None: it has no such sheet.

        Args:
            cells: Which.
            first: The sheet that is meant where they name none.
        """
        sheet = self._sheet(cells, first)
        return None if sheet is None else SheetSize(sheet.max_row, sheet.max_column)

    def values(self, cells: CellRange, first: str, reach: SheetSize) -> Mapping[str, CellValue]:
        """Give the values of some cells of a sheet that it has, by name.

        Args:
            cells: Which.
            first: The sheet that is meant where they name none.
            reach: Where whole columns and rows end.
        """
        sheet = self._sheet(cells, first)
        return {name: sheet[name].value for name in cells.cells(reach)}

    def _sheet(self, cells: CellRange, first: str) -> Any:
        """Give a sheet that has cells. None: there is none of this name."""
        name = first if cells.sheet is None else cells.sheet
        known = {each.title: each for each in self._book.worksheets}
        return known.get(name, known.get(name.replace("''", "'")))


def require_workbook(data: bytes) -> None:
    """See that bytes are a workbook as far as can be told without reading its cells.

    Raises:
        WorkbookUnreadable: They are none, or one that is too large.
    """
    try:
        with ZipFile(BytesIO(data)) as parts:
            names, size = parts.namelist(), sum(part.file_size for part in parts.infolist())
    except (BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise WorkbookUnreadable(str(error)) from error
    if size > _LARGEST:
        raise WorkbookUnreadable(f"it unpacks to {size} bytes, and {_LARGEST} is the limit")
    if _CONTENTS not in names:
        raise WorkbookUnreadable(f"it is an archive without {_CONTENTS}")


def _load(data: bytes) -> Any:
    try:
        openpyxl = import_module("openpyxl")
    except ModuleNotFoundError as error:
        raise WorkbooksAbsent from error
    require_workbook(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts that it does not keep, which nobody here looks at
            return openpyxl.load_workbook(BytesIO(data), data_only=True)
    except Exception as error:
        raise WorkbookUnreadable(f"{type(error).__name__}: {error}") from error
