"""What a newcomer sees of the demo of training: what each command says of it."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import ROOT
from tests.cli.terminal import type_in
from views.runs.rows import PAUSED

DEMO: Final = ROOT / "engine" / "demo" / "train"
QUICK: Final = ("--epochs", "1", "--limit", "8", "--set", "train.batch=8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train as a newcomer does, and give the folder."""
    folder = tmp_path_factory.mktemp("trained")
    assert type_in(folder, "demo", "train", "--plain").code == 0
    return folder


def test_front_matter_is_of_the_settings_and_of_no_edit(trained: Path) -> None:
    """Name and description are the spec's, and the first edit that is accepted did not write them."""
    rows = type_in(trained, "skills", "blame", "jar-labels", "--json").rows
    assert [(row["origin"], row["edit"], row["won"]) for row in rows[:4]] == [("settings", None, [])] * 4
    assert all(row["origin"] == "edit" and row["edit"] for row in rows[4:])
    told = type_in(trained, "skills", "blame", "jar-labels").out
    assert "settings: 4 lines of front matter" in told


def test_a_training_is_shown_as_one(trained: Path) -> None:
    """Its program is named; a method is named where it trains as SkillOpt does, and items have their types."""
    told = type_in(trained, "show").out
    assert ("program  train" in told, "method" in told) == (True, False)
    items = [row for row in type_in(trained, "edits", "show", "s1.1", "--json").rows if row["row"] == "item_change"]
    assert {row["task_type"] for row in items} >= {"fresh", "oils", "minerals"}


def test_an_optimizer_that_cannot_be_reached_is_no_optimizer_without_ideas(tmp_path: Path) -> None:
    """Where none of a step's reflections is answered, the run pauses before more is paid for, and says why."""
    folder = shutil.copytree(DEMO, tmp_path / "demo")
    script = (folder / "script.toml").read_text()
    broken = '[[rule.turn]]\nerror = "bad_request"\nrepeat = true'
    (folder / "script.toml").write_text(script.replace('function = "jar-optimizer"', broken))
    outcome = type_in(tmp_path, "train", "demo/train.toml", *QUICK)
    assert outcome.code != 0
    assert "s1.reflect: the optimizer answered none of 3 reflections: " in outcome.out + outcome.err
    assert "completed" not in outcome.out
    (row,) = [row for row in type_in(tmp_path, "runs", "--json").rows if row["kind"] == "run"]
    assert (row["program"], row["method"]) == ("train", None)
    assert f"run {row['run']}  paused" in outcome.out
    assert f"next  stillroom resume {row['run'][:6]}" in outcome.out
    assert f"paused: {PAUSED}; `stillroom resume {row['run']}` begins it again" in " ".join(outcome.err.split())
    assert "have not started" not in outcome.err
    assert "waits for `stillroom resume` to begin s1.reflect~2 again" in type_in(tmp_path, "show").out
    assert "is not finished" in type_in(tmp_path, "train", "demo/train.toml", *QUICK).err
