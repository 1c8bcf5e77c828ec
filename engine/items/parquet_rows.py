"""Rows of Parquet, from pyarrow: the one door to reading it, and optional: the extra ``parquet``.

A file is read in two passes where not every row is needed: first the columns that can hold names, then of the row
groups that hold a row which is needed everything. Pages that lie in a table beside their path come as `EmbeddedFile`.
"""

import math
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

from engine.core.errors import EngineError
from events.errors import ExitCode

_BATCH: Final = 64
"""Rows that are held at once; each may have an image."""
_BUFFER: Final = 1 << 20
"""Bytes of a column that are read at once, where all of a row group would be."""
_SCANNED: Final = 65_536
"""Rows of which names are held at once."""


class ParquetRowsAbsent(EngineError):
    """Raised when rows of Parquet are read, and pyarrow is not installed."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "rows of Parquet need pyarrow, which is not installed",
            remedy="run `pip install pyarrow`, or install this package with its extra `parquet`",
        )


class EmbeddedFile(NamedTuple):
    """A file that lies in a table."""

    data: bytes
    path: str | None
    """Its name, as the table has it. None: it has none."""


def parquet_rows(
    file: Path, wanted: Callable[[Mapping[str, Any]], bool] | None = None
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Read rows, each with its number from 1. Values are such as JSON holds, but for `EmbeddedFile`.

    Args:
        file: Of Parquet.
        wanted: Says by the columns of texts and numbers whether a row is needed. None: all are.

    Raises:
        ParquetRowsAbsent: pyarrow is not installed.
        OSError: The file cannot be read, or is no Parquet.
    """
    arrow, parquet = _load("pyarrow"), _load("pyarrow.parquet")
    try:
        with parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False) as opened:
            first = 1
            for group in range(opened.num_row_groups):
                count = opened.metadata.row_group(group).num_rows
                needed = None if wanted is None else _needed(arrow, opened, group, wanted)
                if needed is None or needed:
                    yield from _rows(opened, group, first, needed)
                first += count
    except (arrow.ArrowException, ValueError, OverflowError) as error:
        raise OSError(f"no readable Parquet: {error}") from error


def _needed(arrow: Any, opened: Any, group: int, wanted: Callable[[Mapping[str, Any]], bool]) -> frozenset[int]:
    """Say which rows of a group are needed, by their places in it."""
    plain = [each.name for each in opened.schema_arrow if _plain(arrow, each.type)]
    found, at = set(), 0
    for batch in opened.iter_batches(_SCANNED, row_groups=[group], columns=plain):
        found |= {at + number for number, row in enumerate(batch.to_pylist()) if wanted(row)}
        at += batch.num_rows
    return frozenset(found)


def _plain(arrow: Any, kind: Any) -> bool:
    return bool(arrow.types.is_string(kind) or arrow.types.is_large_string(kind) or arrow.types.is_integer(kind))


def _rows(
    opened: Any, group: int, first: int, needed: frozenset[int] | None
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    at = 0
    for batch in opened.iter_batches(_BATCH, row_groups=[group], use_threads=False):
        places = [each for each in range(batch.num_rows) if needed is None or at + each in needed]
        for place in places:
            (row,) = batch.slice(place, 1).to_pylist()
            yield first + at + place, {name: _value(value) for name, value in row.items()}
        at += batch.num_rows


def _value(value: Any) -> Any:
    """Give a value as JSON holds it, and files that lie in the table as such."""
    match value:
        case {"bytes": bytes(data), **rest} if {*rest} <= {"path"}:
            return EmbeddedFile(data, None if rest.get("path") is None else str(rest["path"]))
        case dict():
            return {str(name): _value(each) for name, each in value.items()}
        case list() | tuple():
            return [_value(each) for each in value]
        case _:
            return _plain_value(value)


def _plain_value(value: Any) -> Any:
    """Give one value; what is no number stands for none, as tables have it."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case bytes():
            return b64encode(value).decode()
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal() | timedelta():
            return str(value)
        case _:
            return value


def _load(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ParquetRowsAbsent from error
