"""Parquet grows by row groups, has its name only once it is whole, and says what to install where it is refused."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from events.errors import StillroomError
from views.parquet.files import ParquetAbsent, ParquetTable, _load


class Sprig(msgspec.Struct, frozen=True):
    """A row."""

    name: str
    grams: float | None


def test_rows_are_written_as_they_come(tmp_path: Path) -> None:
    """Five rows in groups of two: three groups, and no more than two rows held."""
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    with ParquetTable(tmp_path / "a.parquet", Sprig, group=2) as table:
        table.add_all(Sprig(f"s{number}", None if number == 3 else number) for number in range(5))
        assert not (tmp_path / "a.parquet").exists()
    assert parquet.ParquetFile(tmp_path / "a.parquet").num_row_groups == 3
    assert [each["grams"] for each in parquet.read_table(tmp_path / "a.parquet").to_pylist()] == [0, 1, 2, None, 4]


def test_what_fails_leaves_no_file(tmp_path: Path) -> None:
    """Half a table must not pass for a whole one."""
    pytest.importorskip("pyarrow")

    def break_off() -> None:
        with ParquetTable(tmp_path / "a.parquet", Sprig) as table:
            table.add(Sprig("sage", 1.0))
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert not list(tmp_path.iterdir())


def test_without_pyarrow_the_remedy_names_the_extra() -> None:
    """No other command needs it."""
    with pytest.raises(ParquetAbsent) as refused:
        _load("pyarrow_that_is_not_here")
    assert isinstance(refused.value, StillroomError)
    assert "extra `parquet`" in (refused.value.remedy or "")
