"""Tables as Parquet, from pyarrow: the one door to it, and optional: the extra ``parquet``."""

from collections.abc import Iterable
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import NoneType, TracebackType
from typing import Any, ClassVar, Final, Self, get_args, get_origin, get_type_hints

import msgspec

from events.errors import ExitCode
from views.terminal.errors import ViewError

GROUP: Final = 20_000
"""Rows that are held before they are written as a row group: it bounds memory."""


class ParquetAbsent(ViewError):
    """Raised when Parquet is asked for, and pyarrow is not installed."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "writing Parquet needs pyarrow, which is not installed",
            remedy="run `pip install pyarrow`, or install this package with its extra `parquet`",
        )


class ParquetTable:
    """A file that grows by row groups; it has its name once it is whole."""

    def __init__(self, path: Path, kind: type[msgspec.Struct], *, group: int = GROUP) -> None:
        """Begin a file.

        Args:
            path: Of the file.
            kind: Of its rows: its fields are the columns.
            group: Rows of a row group.

        Raises:
            ParquetAbsent: pyarrow is not installed.
        """
        self._arrow, parquet = _load("pyarrow"), _load("pyarrow.parquet")
        self._path, self._part = path, path.with_name(f"{path.name}.part")
        self._schema = schema_of(kind)
        self._group = group
        self._rows: list[dict[str, Any]] = []
        self._writer = parquet.ParquetWriter(self._part, self._schema, compression="zstd")
        self.count = 0
        """Rows so far."""

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file, or leave none."""
        if kind is None:
            self._flush()
        self._writer.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink()

    def add(self, row: msgspec.Struct) -> None:
        """Take a row in."""
        self._rows.append(msgspec.structs.asdict(row))
        self.count += 1
        if len(self._rows) >= self._group:
            self._flush()

    def add_all(self, rows: Iterable[msgspec.Struct]) -> None:
        """Take rows in."""
        for row in rows:
            self.add(row)

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


def schema_of(kind: type[msgspec.Struct]) -> Any:
    """Give the columns of a table, as a `pyarrow.Schema`.

    Raises:
        ParquetAbsent: pyarrow is not installed.
    """
    arrow = _load("pyarrow")
    return arrow.schema([_column(arrow, name, hint) for name, hint in get_type_hints(kind).items()])


def _column(arrow: Any, name: str, hint: Any) -> Any:
    parts = [each for each in get_args(hint) if each is not NoneType] if NoneType in get_args(hint) else [hint]
    return arrow.field(name, _type(arrow, parts[0]), nullable=parts[0] is not hint, metadata=_unit(name))


def _unit(name: str) -> dict[str, str] | None:
    if name.endswith("_nano_usd"):
        return {"unit": "10^-9 US dollars"}
    return {"unit": "seconds"} if name.endswith("_s") else None


def _type(arrow: Any, kind: Any) -> Any:
    if get_origin(kind) is tuple:
        return arrow.list_(arrow.string())
    if get_origin(kind) is dict:
        return arrow.map_(arrow.string(), arrow.int64())
    types = {
        bool: arrow.bool_(),
        int: arrow.int64(),
        float: arrow.float64(),
        str: arrow.string(),
        datetime: arrow.timestamp("us", tz="UTC"),
    }
    return types[kind]


def _load(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ParquetAbsent from error
