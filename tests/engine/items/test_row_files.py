"""Files of rows are read piece by piece, and hold the same as if they were read whole."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.items.errors import RowFault
from engine.items.row_files import LocatedRow, rows_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=3), max_size=5)


def fields(file: Path, array: str | None = None) -> list[Any]:
    """Read what stands there."""
    found = list(rows_of(file, array))
    return [each.fields if isinstance(each, LocatedRow) else each for each in found]


@given(rows=ROWS, before=VALUES, after=VALUES, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_rows_are_the_same_in_each_kind_of_file(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], before: Any, after: Any, indent: int | None,
    *, ascii_only: bool,
) -> None:  # fmt: skip
    """One array, an array within an object, or one object a line."""
    folder = tmp_path_factory.mktemp("rows")
    (folder / "a.json").write_text(json.dumps(rows, indent=indent, ensure_ascii=ascii_only), "utf-8")
    inside = {"before": before, "data": rows, "after": after}
    (folder / "b.json").write_text(json.dumps(inside, indent=indent, ensure_ascii=ascii_only), "utf-8")
    lines = "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)
    (folder / "c.jsonl").write_text(lines, "utf-8-sig")
    assert fields(folder / "a.json") == fields(folder / "b.json") == fields(folder / "c.jsonl") == rows
    assert fields(folder / "b.json", "data") == rows


def test_pieces_end_anywhere_and_lines_are_counted_on(tmp_path: Path) -> None:
    """Within a letter of several bytes, a number, an escape, or an object that is larger than a piece."""
    rows = [{"id": n, "text": 'é\\"' * (n * 37 % 997), "number": 10**n} for n in range(1_500)]
    rows.insert(700, {"id": "large", "text": "€" * 2_000_000})
    assert sum(len(json.dumps(row, ensure_ascii=False).encode()) for row in rows) > 8 << 20
    (tmp_path / "a.json").write_text("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]")
    found = list(rows_of(tmp_path / "a.json"))
    assert [each.fields for each in found if isinstance(each, LocatedRow)] == rows
    assert [each.line for each in found if isinstance(each, LocatedRow)] == list(range(2, len(rows) + 2))


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "a JSON array of items is expected"),
        ('{"id": 1}', 1, "a JSON array of items is expected"),
        ('{"data": 1}', 1, "a JSON array of items is expected"),
        ('{"data": [{"a": 1}]', 1, "something follows the array"),
        ('{"data": [{"a": 1}], "b"}', 1, "something follows the array"),
        ('{"data": [{"a": 1}]} x', 1, "something follows the array"),
        ('[{"a": 1},\n {"b": tru}]', 2, "not JSON: Expecting value"),
        ('[{"a": 1},\n {"b": "x]', 2, "not JSON: Unterminated string starting at"),
        ('[{"a": 1},\n\n {"b": NaN}]', 3, "not JSON: NaN is no number in JSON"),
        ('[{"a": 1},\n {"b": [-1e999]}]', 2, "not JSON: -1e999 is larger than any number that can be kept"),
        ('[{"a": 1}', 1, "`,` or `]` is expected"),
        ("[1]", 1, "a JSON object is expected, and there is 1"),
        ("[" * 100_000, 1, None),
    ],
)
def test_what_is_no_row_is_named_by_its_line(tmp_path: Path, text: str, line: int, problem: str | None) -> None:
    """And nothing behind what cannot be read is guessed."""
    (tmp_path / "a.json").write_text(text)
    fault = list(rows_of(tmp_path / "a.json"))[-1]
    assert isinstance(fault, RowFault)
    assert fault.line == line
    assert problem is None or fault.problem == problem


def test_a_fault_at_the_beginning_of_a_large_file_is_found_there(tmp_path: Path) -> None:
    """No more of it is held than what was read by then, nor of a file that is whole."""
    row = json.dumps({"id": 1, "text": "x" * 4_000})
    (tmp_path / "whole.json").write_text("[" + ",".join([row] * 5_000) + "]")
    (tmp_path / "broken.json").write_text('[{"id": oops},' + ",".join([row] * 5_000) + "]")
    (tmp_path / "lines.jsonl").write_text("\n".join([row] * 5_000))
    for name, count in (("whole.json", 5_000), ("broken.json", 1), ("lines.jsonl", 5_000)):
        tracemalloc.start()
        assert sum(1 for _ in rows_of(tmp_path / name)) == count
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 10 << 20, name


def test_a_value_that_cannot_be_held_has_a_table_refused(tmp_path: Path) -> None:
    """A date of the year 148,000 is none here, and such a table is no reason to end in the middle of it."""
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    late = arrow.array([2**62], arrow.timestamp("us"))
    parquet.write_table(arrow.table({"id": ["a"], "at": late}), tmp_path / "late.parquet")
    (fault,) = fields(tmp_path / "late.parquet")
    assert isinstance(fault, RowFault)
    assert fault.problem.startswith("no readable Parquet: ")
