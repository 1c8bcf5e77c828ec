"""Stories of `stillroom sets check`: what a set of items is worth before anything is run."""

import json
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

from tests.architecture.source import ROOT
from tests.cli.terminal import type_in

JARS: Final = ROOT / "engine" / "demo" / "train" / "items"
REAL: Final = ROOT.parent / "shared" / "data" / "skillopt"


def checked(folder: Path, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """Type the command, and give its exit code and rows."""
    outcome = type_in(folder, "sets", "check", *words, "--json")
    return outcome.code, outcome.rows


def test_the_demo_s_items_are_right_by_their_own_answers_and_two_without_any(tmp_path: Path) -> None:
    """By split and type; the two that an empty answer gets right are named, so that nobody counts them."""
    code, rows = checked(tmp_path, str(JARS))
    assert code == 0
    assert {row["split"] for row in rows} == {"train", "val", "test"}
    assert sum(row["items"] for row in rows) == sum(row["gold"] for row in rows) == 68
    assert {name for row in rows for name in row["untouched"]} == {"idle-val", "idle-test"}
    assert [row["do_nothing_soft"] for row in rows if row["task_type"] == "idle"] == [1, 1]
    told = type_in(tmp_path, "sets", "check", str(JARS)).out
    assert "right if nobody works on them: 2 of 68 items: idle-val, idle-test" in told


def test_items_that_ask_the_same_in_two_splits_are_named(tmp_path: Path) -> None:
    """In other letters; `check` of a training warns of them, and so does the training: both would count as learnt."""
    items = shutil.copytree(JARS, tmp_path / "demo" / "items")
    (train,), (val,) = ([*(items / split).glob("*.json")] for split in ("train", "val"))
    first = json.loads(train.read_text())[0]
    again = {**first, "id": "again", "question": f"  {first['question'].upper()} ", "answers": ["OTHER"]}
    val.write_text(json.dumps([*json.loads(val.read_text()), again]))
    pair = f"{first['id']} (train) and again (val)"
    assert [row["alike"] for row in checked(tmp_path, "demo/items")[1] if row["alike"]] == [[pair]]
    assert f"ask the same in two splits: {pair}" in type_in(tmp_path, "sets", "check", "demo/items").out
    for name in ("train.toml", "script.toml"):
        shutil.copy(JARS.parent / name, tmp_path / "demo" / name)
    rows = {row["what"]: row for row in type_in(tmp_path, "check", "demo/train.toml", "--json").rows}
    told = f"these items of two sets ask the same: {first['id']} (train) and again (selection)"
    assert (rows["items alike"]["state"], rows["items alike"]["found"]) == ("warn", told)
    dry = type_in(tmp_path, "train", "demo/train.toml", "--dry-run")
    assert (dry.code, told in " ".join(dry.err.split())) == (0, True), dry.err


def test_one_split_alone_can_be_checked(tmp_path: Path) -> None:
    """By any of its names; one that is none is refused, as is one that the folder has not."""
    code, rows = checked(tmp_path, str(JARS), "--split", "valid_seen")
    assert (code, {row["split"] for row in rows}) == (0, {"val"})
    assert checked(tmp_path, str(JARS), "--split", "vaal")[0] == 2
    assert checked(tmp_path, str(tmp_path / "none"))[0] == 2


def test_an_item_whose_expected_answer_is_wrong_is_named(tmp_path: Path) -> None:
    """Such as one that no answer can be, since it looks like the end of an answer."""
    row = {"id": "q", "question": "How does an answer end?", "context": None, "answers": ["</answer>"]}
    (tmp_path / "items.json").write_text(json.dumps([row]))
    code, rows = checked(tmp_path, str(tmp_path))
    assert (code, rows[0]["gold"], rows[0]["wrong"][0].partition(":")[0]) == (3, 0, "q")


def test_formats_that_cannot_write_an_answer_down_say_so(tmp_path: Path) -> None:
    """And where only a judge could tell what doing nothing is worth, that is counted apart."""
    (tmp_path / "evals.json").write_text(
        json.dumps(
            {"evals": [{"id": 1, "prompt": "Greet.", "assertions": ["It is polite", "The output includes 'hi'"]}]}
        )
    )
    code, rows = checked(tmp_path, str(tmp_path), "--item-format", "agentskills")
    row = rows[0]
    assert (code, row["gold"], row["unknown"], row["do_nothing"], row["do_nothing_soft"]) == (0, None, 1, 0, None)


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.timeout(240)
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared does not exist")
@pytest.mark.parametrize(
    ("name", "form", "items"),
    [
        ("spreadsheetbench", "spreadsheetbench", 20),
        ("livemath", "livemathematicianbench", 12),
        ("officeqa", "officeqa", 30),
    ],
)
def test_every_real_sample_loads_and_its_own_answer_is_right(tmp_path: Path, name: str, form: str, items: int) -> None:
    """Of the untouched workbooks two of sixty are right, which makes no task right, and a thirtieth on the mean."""
    if form == "spreadsheetbench":
        pytest.importorskip("openpyxl")
    code, rows = checked(tmp_path, str(REAL / name), "--item-format", form)
    assert code == 0
    assert sum(row["items"] for row in rows) == sum(row["gold"] for row in rows) == items
    assert sum(row["do_nothing"] for row in rows) == 0
    softly = sum(row["do_nothing_soft"] * row["items"] for row in rows)
    assert softly == pytest.approx(2 / 3 if form == "spreadsheetbench" else 0)
