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


@pytest.mark.slow
def test_front_matter_is_of_the_settings_and_of_no_edit(trained: Path) -> None:
    """Name and description are the spec's, and the first edit that is accepted did not write them."""
    rows = type_in(trained, "skills", "blame", "jar-labels", "--json").rows
    assert [(row["origin"], row["edit"], row["won"]) for row in rows[:4]] == [("settings", None, [])] * 4
    assert all(row["origin"] == "edit" and row["edit"] for row in rows[4:])
    told = type_in(trained, "skills", "blame", "jar-labels").out
    assert "settings: 4 lines of front matter" in told


@pytest.mark.slow
def test_a_training_is_shown_as_one(trained: Path) -> None:
    """Its program is named; a method is named where it trains as SkillOpt does, and items have their types."""
    told = type_in(trained, "show").out
    assert ("program  train" in told, "method" in told) == (True, False)
    items = [row for row in type_in(trained, "edits", "show", "s1.1", "--json").rows if row["row"] == "item_change"]
    assert {row["task_type"] for row in items} >= {"fresh", "oils", "minerals"}


@pytest.mark.slow
def test_a_fork_is_cut_at_the_names_that_people_see(trained: Path) -> None:
    """A candidate, an edit of it, its event and that event's position are one place."""
    log = type_in(trained, "log", "tail", "@latest", "-n", "100000", "--json").rows
    accepted = [row for row in log if row.get("tag") == "skill.accepted"][1]
    place = f"train@{accepted['version']}"
    cuts = [
        type_in(trained, "fork", "--at", at, "--dry-run", "--json").rows[0]["position"]
        for at in ("s2", "s2.1", place, str(accepted["position"]))
    ]
    assert cuts == [accepted["position"]] * 4
    wrong = type_in(trained, "fork", "--at", "s22", "--dry-run")
    assert (wrong.code, "did you mean s2" in wrong.err) == (2, True), wrong.err


@pytest.mark.slow
def test_why_of_a_training_begins_with_what_its_end_rests_on(trained: Path) -> None:
    """The acceptance of the skill in force, and not the end of the run, below which all acceptances stand."""
    told = type_in(trained, "why", "@latest", "--depth", "1").out.splitlines()
    assert told[0].startswith("skill.accepted  train@")
    assert "revision 6" in told[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("most", "method", "standing"),
    [(339, "spark", "refused"), (340, "spark", "fits"), (270, "compatible", "fits")],
    ids=["one too few", "just enough", "as SkillOpt does"],
)
def test_guidance_keeps_to_the_budget_of_the_document(tmp_path: Path, most: int, method: str, standing: str) -> None:
    """What an epoch's guidance adds is counted as what edits add; refused, it is on record with a hint, as they are."""
    words = ("train.epochs=2", f"train.edits.max_chars={most}", f"method.name={method}")
    told = type_in(tmp_path, "demo", "train", "--plain", *(word for each in words for word in ("--set", each)))
    assert told.code == 0, told.err
    rows = type_in(tmp_path, "edits", "list", "--json").rows
    (slow,) = [row for row in rows if row["candidate"] == "e2.slow"]
    if standing == "refused":
        assert (slow["standing"], slow["status"]) == ("refused", "refused_too_long")
        assert slow["hint"].startswith(f"The file would have 340 characters, and {most} is the most")
    else:
        assert slow["standing"] in {"accepted", "rejected"}


@pytest.mark.slow
def test_settings_of_the_demo_can_be_changed(tmp_path: Path) -> None:
    """As of any other run."""
    told = type_in(
        tmp_path, "demo", "train", "--plain", "--set", "train.epochs=1", "--set", "train.sets.train.limit=12"
    )
    assert (told.code, "completed: 1 step, " in told.out) == (0, True), told.err


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
