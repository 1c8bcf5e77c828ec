"""Files of rows, read piece by piece: no more of a file is held than the row that is read, and a piece of what follows.

Each row is told with the line on which it begins. A file is read whole or not at all: what is no row is a fault.
"""

import csv
import json
import math
from codecs import BOM_UTF8, getincrementaldecoder
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, TextIO

from engine.items.errors import RowFault
from engine.items.parquet_rows import parquet_rows
from engine.items.rows import LARGEST, shown

_PIECE: Final = 1 << 20
"""Bytes that are read at once."""
_LONGEST_WORD: Final = 16
"""Characters from which a word, a number's sign or an escape is known."""
_ROWS: Final = "data"
"""Key under which a file that is no array has its rows, as published files have it."""


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number in JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:_LONGEST_WORD]} is larger than any number that can be kept")
    return value


JSON: Final = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)
"""Refuses what JSON has no word for: it would be written into a set that nobody can read."""


class LocatedRow(NamedTuple):
    """A row, and where it stands."""

    line: int
    """On which it begins, from 1; of Parquet, its number."""
    fields: Mapping[str, Any]


class _JsonText:
    """A text of JSON of which no more is held than what is being read."""

    def __init__(self, opened: BinaryIO | None, held: str = "") -> None:
        self._opened = opened
        self._decoder = getincrementaldecoder("utf-8-sig")()
        self._held = held
        self._at = 0
        self.line = 1
        """On which what is next begins."""

    def next(self) -> str:
        """Give the next character that is no white space, without taking it. Empty: there is none."""
        while True:
            start = self._at
            while self._at < len(self._held) and self._held[self._at].isspace():
                self._at += 1
            self.line += self._held.count("\n", start, self._at)
            if self._at < len(self._held) or not self._more(_PIECE):
                return self._held[self._at : self._at + 1]

    def skip(self) -> None:
        """Take the next character."""
        self._at += 1

    def value(self) -> Any:
        """Take the value that is next.

        Raises:
            json.JSONDecodeError: There is none.
            ValueError, RecursionError: It is none that can be held.
        """
        self.next()
        size = _PIECE
        while True:
            try:
                value, end = JSON.raw_decode(self._held, self._at)
            except json.JSONDecodeError as error:
                at = error.pos - self._at
                if not self._may_go_on(error) or not self._more(size):
                    raise json.JSONDecodeError(error.msg, self._held[self._at :], at) from error
                size *= 2  # so that a large object is read again only so often
                continue
            if end < len(self._held) or not self._more(size):  # a number may go on behind what is held
                self.line += self._held.count("\n", self._at, end)
                self._at = end
                return value

    def find(self, key: str) -> bool:
        """Go to the array of a key of the object that is next. False: it has none, or is no object."""
        if self.next() != "{":
            return False
        self.skip()
        with suppress(ValueError, RecursionError):
            while self._key() != key:
                self.value()
                self._comma()
            return self.next() == "["
        return False

    def closes(self) -> bool:
        """Take what follows an array up to the end of its object. False: it does not end."""
        with suppress(ValueError, RecursionError):
            while self.next() != "}":
                self._comma()
                self._key()
                self.value()
            self.skip()
            return True
        return False

    def _key(self) -> Any:
        """Take a key, and what parts it from its value.

        Raises:
            ValueError: There is none.
        """
        key = self.value() if self.next() == '"' else None
        if key is None or self.next() != ":":
            raise ValueError("a key is expected")
        self.skip()
        return key

    def _comma(self) -> None:
        if self.next() != ",":
            raise ValueError("`,` is expected")
        self.skip()

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        """Say whether a value may be whole once more of the text is held."""
        if len(self._held) > LARGEST:
            raise ValueError(f"it has more than {LARGEST} characters")
        return error.msg.startswith("Unterminated") or error.pos > len(self._held) - _LONGEST_WORD

    def _more(self, size: int) -> bool:
        """Hold more of the text, and less of what was taken. False: there is no more."""
        data = b"" if self._opened is None else self._opened.read(size)
        more = self._decoder.decode(data, final=not data)
        self._held, self._at = self._held[self._at :] + more, 0
        return bool(data)


def rows_of(
    file: Path, array: str | None = None, wanted: Callable[[Mapping[str, Any]], bool] | None = None
) -> Iterator[LocatedRow | RowFault]:
    """Read the rows of a file.

    Args:
        file: By whose suffix its kind is known.
        array: Key under which the rows of a JSON object stand. None: the file is the array.
        wanted: Says by some of its fields, those of texts and numbers, whether a row is needed; others may be left
            out. None: all are.

    Raises:
        ParquetRowsAbsent: It is Parquet, and pyarrow is not installed.
    """
    try:
        match file.suffix:
            case ".parquet":
                yield from (LocatedRow(number, fields) for number, fields in parquet_rows(file, wanted))
            case ".csv":
                with file.open(encoding="utf-8-sig", newline="") as table:
                    yield from _table(file, table)
            case ".jsonl":
                with file.open("rb") as lines:
                    yield from _lines(file, lines)
            case _:
                with file.open("rb") as opened:
                    yield from _array(file, _JsonText(opened), array)
    except (OSError, UnicodeDecodeError) as error:
        yield RowFault(file, None, str(error))


def _lines(file: Path, opened: BinaryIO) -> Iterator[LocatedRow | RowFault]:
    for number, data in enumerate(opened, start=1):
        line = (data.removeprefix(BOM_UTF8) if number == 1 else data).decode().rstrip("\n")
        if not line.strip():
            continue
        text = _JsonText(None, line)
        row, more = _object(file, text, number)
        if more and text.next():
            yield RowFault(file, number, "one JSON object a line is expected")
        else:
            yield row


def _table(file: Path, opened: TextIO) -> Iterator[LocatedRow | RowFault]:
    csv.field_size_limit(LARGEST)  # a context may be longer than the 128 KiB that are the limit otherwise
    reader = csv.DictReader(opened, strict=True)
    line = 2
    try:
        for fields in reader:
            if None in fields or None in fields.values():
                yield RowFault(file, line, f"{len(reader.fieldnames or ())} columns are expected")
            else:
                yield LocatedRow(line, fields)
            line = reader.line_num + 1
    except csv.Error as error:
        yield RowFault(file, line, str(error))


def _array(file: Path, text: _JsonText, array: str | None) -> Iterator[LocatedRow | RowFault]:
    """Read the objects of a JSON array one by one."""
    inside = array is not None or text.next() == "{"
    if inside and not text.find(array or _ROWS):
        what = "array of items" if array is None else f"object with an array `{array}`"
        yield RowFault(file, 1, f"a JSON {what} is expected")
        return
    if text.next() != "[":
        yield RowFault(file, text.line, "a JSON array of items is expected")
        return
    text.skip()
    while text.next() != "]":
        row, more = _object(file, text, text.line)
        yield row
        if not more:
            return
        if text.next() == ",":
            text.skip()
        elif text.next() != "]":
            yield RowFault(file, text.line, "`,` or `]` is expected")
            return
    text.skip()
    line = text.line
    if (inside and not text.closes()) or text.next():
        yield RowFault(file, line, "something follows the array")


def _object(file: Path, text: _JsonText, line: int) -> tuple[LocatedRow | RowFault, bool]:
    """Take the object that is next. False: nothing behind it can be read."""
    try:
        value = text.value()
    except json.JSONDecodeError as error:
        return RowFault(file, line + error.doc.count("\n", 0, error.pos), f"not JSON: {error.msg}"), False
    except (ValueError, RecursionError) as error:
        return RowFault(file, line, f"not JSON: {error}"), False
    if not isinstance(value, dict):
        return RowFault(file, line, f"a JSON object is expected, and there is {shown(value)}"), True
    return LocatedRow(line, value), True
