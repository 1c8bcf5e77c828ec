"""Stories of `stillroom data materialize`: manifests of names become sets of items, whole or not at all."""

import csv
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import type_in

REAL = Path(__file__).parents[3] / "shared/data/skillopt"
PNG = b"\x89PNG\r\n\x1a\n"


def manifest(folder: Path, **splits: list[Any]) -> Path:
    """Write a manifest as SkillOpt lays it out."""
    for split, entries in splits.items():
        (folder / split).mkdir(parents=True)
        (folder / split / "items.json").write_text(json.dumps(entries))
    return folder


def questions(file: Path, *names: str, key: str = "key") -> None:
    """Write rows as SearchQA has them."""
    rows = [{key: name, "question": f"Where is {name}?", "context": None, "answers": ["here"]} for name in names]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def test_names_become_items_in_the_order_of_the_manifest(tmp_path: Path) -> None:
    """SearchQA's rows have a `key`; what no split names is left out, and the set says what it was made of."""
    manifest(tmp_path / "searchqa_id_split", train=[{"id": "b"}, {"id": "a"}], valid=["c"], test=[{"id": 4}])
    questions(tmp_path / "one.jsonl", "a", "other", "4")
    questions(tmp_path / "two.jsonl", "b", "c")
    words = ("data", "materialize", "searchqa_id_split", "--from", "one.jsonl", "two.jsonl")
    made = type_in(tmp_path, *words, "--json")
    assert (made.code, made.err) == (0, "")
    assert [(row["split"], row["items"], row["files"]) for row in made.rows] == [
        ("train", 2, 0),
        ("val", 1, 0),
        ("test", 1, 0),
    ]
    rows = json.loads((tmp_path / "searchqa_items/train.json").read_text())
    assert [row["id"] for row in rows] == ["b", "a"]
    origins = json.loads((tmp_path / "searchqa_items/materialized.json").read_text())
    assert [Path(each).name for each in origins] == ["one.jsonl", "two.jsonl"]
    checked = type_in(tmp_path, "sets", "check", "searchqa_items", "--json")
    assert sum(row["gold"] for row in checked.rows) == 4
    again = type_in(tmp_path, *words)
    assert (again.code, "already exists" in again.err) == (2, True)


def test_files_that_rows_name_come_with_them(tmp_path: Path) -> None:
    """An image may be named by the manifest alone, and lies where paths are said to begin; nothing else is copied."""
    entry = {"id": "7", "questionId": "7", "image_path": "data/images/q7.png"}
    manifest(tmp_path / "docvqa_id_split", test=[entry])
    (tmp_path / "repo/data/images").mkdir(parents=True)
    (tmp_path / "repo/data/images/q7.png").write_bytes(PNG)
    (tmp_path / "repo/data/images/q8.png").write_bytes(PNG)
    with (tmp_path / "validation.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["questionId", "question", "answers"])
        writer.writerow(["7", "What is the date?", '["3 May", "May 3"]'])
    words = ("data", "materialize", "docvqa_id_split", "--from", "validation.csv", "--to", "docs")
    lacking = type_in(tmp_path, *words)
    assert (lacking.code, "data/images/q7.png does not exist" in lacking.err) == (2, True)
    assert not (tmp_path / "docs").exists()
    assert type_in(tmp_path, *words, "--files", "repo").code == 0
    assert sorted(each.name for each in (tmp_path / "docs").rglob("*.*")) == [
        "materialized.json",
        "q7.png",
        "test.json",
    ]
    checked = type_in(tmp_path, "sets", "check", "docs", "--item-format", "docvqa", "--json")
    assert [(row["items"], row["gold"]) for row in checked.rows] == [(1, 1)]


@pytest.mark.parametrize(
    ("train", "val", "told"),
    [
        (["a", "a"], ["b"], "entry 2: 'a' stands twice in train, first in"),
        (["a"], ["b", "a"], "val/items.json: entry 2: 'a' stands in train and in val, first in"),
        (["a", "x"], ["b"], "entry 2: no row is called 'x'"),
        (["a", "t"], ["b"], "entry 2: 't' has 2 rows, in"),
        (["a", {"name": "b"}], ["b"], "entry 2 has no name"),
        (["a", "bad"], ["b"], "rows.jsonl:6: `question` must be a text"),
        ([], [], "the manifest names no item"),
    ],
)
def test_duplicates_overlaps_and_lacks_are_refused_by_name(
    tmp_path: Path, train: list[Any], val: list[Any], told: str
) -> None:
    """Whatever is learnt of an item of train must not be measured on it; and nothing is written where one is wrong."""
    manifest(tmp_path / "names", train=train, val=val)
    questions(tmp_path / "rows.jsonl", "a", "b", "t", "t", "unused")
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.write('{"key": "bad", "question": "", "answers": ["here"]}\n')
    outcome = type_in(
        tmp_path, "data", "materialize", "names", "--from", "rows.jsonl", "--item-format", "question", "--to", "set"
    )
    assert (outcome.code, told in outcome.err) == (2, True), outcome.err
    assert not list(tmp_path.glob("*set*")), "not even a part of it"


def test_a_manifest_may_be_one_file_and_its_counts_are_held(tmp_path: Path) -> None:
    """One array, an object with one for each split, or a name a line; counts that are published have to be right."""
    questions(tmp_path / "rows.jsonl", "a", "b", key="id")
    (tmp_path / "names.txt").write_text("b\n\na\n")
    (tmp_path / "object.json").write_text('{"source": "x", "train": ["a"], "selection": [{"id": "b"}]}')
    (tmp_path / "odd.json").write_text('{"train": ["a"], "dev": ["b"]}')
    (tmp_path / "broken.json").write_text("[")
    counted = manifest(tmp_path / "counted", train=["a"], test=["b"])
    (counted / "split_manifest.json").write_text('{"counts": {"train": 1, "test": 2}}')
    for name, splits, told in (
        ("names.txt", ["all"], ""),
        ("object.json", ["train", "val"], ""),
        ("odd.json", None, "no split is called 'dev'"),
        ("broken.json", None, "not JSON"),
        ("counted", None, "'test' is said to have 2 items, and has 1"),
        ("none", None, "there is no such manifest"),
    ):
        words = ("--from", "rows.jsonl", "--item-format", "question", "--to", f"set-{name}", "--json")
        outcome = type_in(tmp_path, "data", "materialize", name, *words)
        assert told in outcome.err, outcome.err
        assert (outcome.code == 0) == (splits is not None), name
        if splits is not None:
            assert [row["split"] for row in outcome.rows] == splits
    assert [row["id"] for row in json.loads((tmp_path / "set-names.txt/all.json").read_text())] == ["b", "a"]


@pytest.mark.parametrize("number", ["NaN", "1e999"])
def test_what_no_set_can_hold_is_refused_in_a_manifest_as_well(tmp_path: Path, number: str) -> None:
    """The set would be made, and nobody could read it."""
    row = f'{{"id": "a", "question": "Where?", "answers": ["here"], "size": {number}}}'
    (tmp_path / "items.json").write_text(f"[{row}]")
    refused = type_in(tmp_path, "data", "materialize", "items.json", "--item-format", "question", "--to", "made")
    assert (refused.code, f"not JSON: {number} is " in refused.err, (tmp_path / "made").exists()) == (2, True, False)


def test_a_format_that_no_name_tells_has_to_be_named(tmp_path: Path) -> None:
    """What is guessed from a name is guessed only where a whole format stands in it."""
    manifest(tmp_path / "mine", train=["a"])
    questions(tmp_path / "rows.xml", "a")
    unnamed = type_in(tmp_path, "data", "materialize", "mine", "--from", "rows.xml")
    assert (unnamed.code, "--item-format" in unnamed.err) == (2, True)
    absent = type_in(tmp_path, "data", "materialize", "yours", "--from", "rows.xml")
    assert (absent.code, "there is no manifest" in absent.err, "--item-format" in absent.err) == (2, True, False)
    other = type_in(tmp_path, "data", "materialize", "mine", "--from", "rows.xml", "--item-format", "question")
    assert (other.code, ".jsonl, .csv, .parquet files" in other.err) == (2, True)


def test_rows_of_parquet_come_with_the_pages_that_lie_in_them(tmp_path: Path) -> None:
    """As published tables have them: bytes and a path in one column; one page is written once, whoever asks of it."""
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    manifest(tmp_path / "docvqa_id_split", train=["1", "3"], test=["900"])
    rows = [
        {"questionId": str(n), "question": f"Which date is on {n}?", "answers": [f"{n} May", "May"],
         "image": {"bytes": PNG + bytes([n % 2]), "path": None}, "docId": n, "score": float("nan")}
        for n in range(1_000)
    ]  # fmt: skip
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "val.parquet", row_group_size=100)
    words = ("data", "materialize", "docvqa_id_split", "--from", "val.parquet")
    made = type_in(tmp_path, *words, "--json")
    assert (made.code, made.err) == (0, "")
    assert [(row["split"], row["items"], row["files"]) for row in made.rows] == [("train", 2, 2), ("test", 1, 2)]
    (row,) = json.loads((tmp_path / "docvqa_items/test.json").read_text())
    assert (row["questionId"], row["answers"], row["docId"], row["score"]) == ("900", ["900 May", "May"], 900, None)
    assert (tmp_path / "docvqa_items" / row["image"]).read_bytes() == PNG + b"\0"
    checked = type_in(tmp_path, "sets", "check", "docvqa_items", "--item-format", "docvqa", "--json")
    assert sum(row["gold"] for row in checked.rows) == 3
    # Whoever has a row in two files, of whichever kinds, has two rows.
    with (tmp_path / "more.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["questionId", "question", "answers"], ["3", "Which date?", "x"]])
    twice = type_in(tmp_path, *words, "more.csv", "--to", "again")
    assert (twice.code, "'3' has 2 rows, in " in twice.err, "val.parquet:4 and in " in twice.err) == (2, True, True)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    broken = type_in(tmp_path, "data", "materialize", "docvqa_id_split", "--from", "broken.parquet", "--to", "again")
    assert (broken.code, "broken.parquet: no readable Parquet" in broken.err) == (2, True)
    assert not (tmp_path / "again").exists()


@pytest.mark.skipif(find_spec("pyarrow") is not None, reason="pyarrow is installed")
def test_without_pyarrow_it_is_said_what_to_install(tmp_path: Path) -> None:
    """Before anything is written."""
    manifest(tmp_path / "docvqa_id_split", train=["1"])
    (tmp_path / "val.parquet").write_bytes(b"PAR1")
    lacking = type_in(tmp_path, "data", "materialize", "docvqa_id_split", "--from", "val.parquet")
    assert (lacking.code, "pip install pyarrow" in lacking.err) == (2, True)


def test_a_published_file_may_have_its_rows_under_data(tmp_path: Path) -> None:
    """As DocVQA's own annotations do; a context may be longer than any line that tables of the library take."""
    manifest(tmp_path / "names", train=["1"], test=["2"])
    long = "word " * 40_000
    rows = [{"id": n, "question": "Q?", "context": long, "answers": ["x"]} for n in range(3)]
    (tmp_path / "v1.0.json").write_text(json.dumps({"dataset_name": "x", "data": rows, "version": [1, {"a": "]"}]}))
    words = ("data", "materialize", "names", "--item-format", "question", "--json", "--from")
    made = type_in(tmp_path, *words, "v1.0.json", "--to", "one")
    assert (made.code, made.err) == (0, "")
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "question", "answer"], ["1", long, "x"], ["2", "Q?", "x"]])
    (tmp_path / "docs").mkdir()
    figures = type_in(tmp_path, *words[:-3], "officeqa", "--from", "rows.csv", "--to", "two")
    assert (figures.code, figures.err) == (0, "")


@pytest.mark.shared
@pytest.mark.skipif(not REAL.is_dir(), reason="the samples of SkillOpt's benchmarks are not here")
def test_real_rows_are_found_by_the_names_of_real_manifests(tmp_path: Path) -> None:
    """OfficeQA's by uid, LiveMathematicianBench's by month and number, SpreadsheetBench's with their workbooks."""
    manifest(tmp_path / "officeqa_id_split", train=[{"id": "UID0002", "uid": "UID0002"}], test=[{"uid": "UID0001"}])
    manifest(tmp_path / "livemathematicianbench_id_split", test=[{"id": "202511:2", "month": "202511", "no": 2}])
    manifest(tmp_path / "spreadsheetbench_id_split", val=[{"id": "79-7", "spreadsheet_path": "spreadsheet/79-7"}])
    for name, source, files in (
        ("officeqa", "officeqa/officeqa_first30.csv", 0),
        ("livemathematicianbench", "livemath/qa_202511_first12.json", 0),
        ("spreadsheetbench", "spreadsheetbench/dataset.json", 6),
    ):
        words = ("data", "materialize", f"{name}_id_split", "--from", str(REAL / source), "--json")
        made = type_in(tmp_path, *words)
        assert (made.code, made.err, made.rows[0]["files"]) == (0, "", files)
        checked = type_in(tmp_path, "sets", "check", f"{name}_items", "--item-format", name, "--json")
        assert all(row["gold"] == row["items"] == 1 for row in checked.rows)
