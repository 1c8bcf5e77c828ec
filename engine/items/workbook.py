"""Workbooks: the one door to openpyxl, which is optional: the extra ``sheets``. It is loaded when one is read."""

import warnings
from collections.abc import Sequence
from importlib import import_module
from io import BytesIO
from typing import Any, ClassVar, Final
from zipfile import BadZipFile, ZipFile

from engine.core.errors import EngineError
from engine.items.scorers.cells import CellRange, CellValue
from events.errors import ExitCode

_LARGEST: Final = 256 * 1024 * 1024
"""Bytes that a workbook may unpack to: a small file can hold far more than fits into memory."""


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
        """Names of its sheets, in order."""
        return tuple(self._book.sheetnames)

    def values(self, cells: CellRange, first: str) -> Sequence[CellValue] | None:
        """Give the values of some cells. None: it has no such sheet.

        Args:
            cells: Which.
            first: The sheet that is meant where they name none.
        """
        sheet = first if cells.sheet is None else cells.sheet
        if sheet not in self.sheets:
            return None
        return [self._book[sheet][name].value for name in cells.cells]


def _load(data: bytes) -> Any:
    try:
        openpyxl = import_module("openpyxl")
    except ModuleNotFoundError as error:
        raise WorkbooksAbsent from error
    try:
        size = sum(part.file_size for part in ZipFile(BytesIO(data)).infolist())
    except BadZipFile as error:
        raise WorkbookUnreadable(str(error)) from error
    if size > _LARGEST:
        raise WorkbookUnreadable(f"it unpacks to {size} bytes, and {_LARGEST} is the limit")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts that it does not keep, which nobody here looks at
            return openpyxl.load_workbook(BytesIO(data), data_only=True)
    except Exception as error:
        raise WorkbookUnreadable(f"{type(error).__name__}: {error}") from error
