"""Stories of `stillroom sets split`: one file of rows becomes the three splits of a set."""

import json
import random  # noqa: TID251 - the order is promised to be this module's
from pathlib import Path

import pytest

from tests.cli.terminal import type_in


def rows_of(path: Path) -> list[str]:
    """Name the rows of a split."""
    text = path.read_text()
    found = json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
    return [row["id"] for row in found]


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_rows_are_dealt_out_in_the_order_of_the_seed(tmp_path: Path, suffix: str) -> None:
    """As SkillOpt does: shuffled by `random.Random(seed)`, then train, val and test by the ratio; each row once."""
    rows = [{"id": f"q{n}", "question": f"Où? {n}", "context": None, "answers": ["là"]} for n in range(20)]
    file = tmp_path / f"all_rows{suffix}"
    text = json.dumps(rows) if suffix == ".json" else "".join(f"{json.dumps(row)}\n" for row in rows)
    file.write_text(text)
    outcome = type_in(tmp_path, "sets", "split", file.name, "--ratio", "2:1:7", "--seed", "7", "--json")
    assert outcome.code == 0
    assert [(row["split"], row["items"]) for row in outcome.rows] == [("train", 4), ("val", 2), ("test", 14)]
    order = [str(row["id"]) for row in rows]
    random.Random(7).shuffle(order)
    dealt = [rows_of(tmp_path / f"{split}{suffix}") for split in ("train", "val", "test")]
    assert [row for each in dealt for row in each] == order
    checked = type_in(tmp_path, "sets", "check", ".", "--json")
    assert sum(row["items"] for row in checked.rows) == 20, "the file that was cut is no split"


def test_nothing_is_overwritten_and_what_is_no_file_of_rows_is_refused(tmp_path: Path) -> None:
    """Each with a remedy, and exit code 2."""
    (tmp_path / "rows.json").write_text('[{"id": "a"}]')
    (tmp_path / "val.json").write_text("[]")
    (tmp_path / "object.json").write_text("{}")
    (tmp_path / "broken.json").write_text("[")
    (tmp_path / "rows.csv").write_text("id\na\n")
    for name, told in (
        ("rows.json", "already exists"),
        ("object.json", "no array"),
        ("broken.json", "cannot be read"),
        ("rows.csv", ".jsonl"),
        ("none.jsonl", "cannot be read"),
    ):
        outcome = type_in(tmp_path, "sets", "split", name)
        (tmp_path / "val.json").unlink(missing_ok=True)
        assert (outcome.code, told in outcome.err) == (2, True), name
    assert not (tmp_path / "train.json").exists()
    assert type_in(tmp_path, "sets", "split", "rows.json", "--ratio", "2:1").code == 2
