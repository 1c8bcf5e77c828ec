"""Asking what if from the command line, over runs of ours and imported ones."""

from pathlib import Path

import pytest

from tests.cli.terminal import type_in
from tests.cli.test_replay import explored, imported

KEY = "method.pdi.active.threshold"


def test_a_question_is_answered_over_every_run(tmp_path: Path) -> None:
    """What flips, where trials leave, what stands behind that; and which runs have nothing to say about it."""
    explored(tmp_path)
    imported(tmp_path)
    outcome = type_in(tmp_path, "what-if", "--all", "--set", "attempts=1", "--json")
    assert outcome.code == 0, outcome.err
    summary = outcome.rows[0]
    assert (summary["kind"], summary["settings"]) == ("what_if", {"method.attempts": 1})
    assert (summary["runs"], summary["flips_by_point"], summary["attempts"]) == (2, {"stopping": 1}, 1)
    assert summary["silent"] == 1
    (left,) = (row for row in outcome.rows if row["kind"] == "left")
    assert (left["stream"], left["version"], left["point"]) == ("trial/word", 8, "stopping")
    (flip,) = (row for row in outcome.rows if row["kind"] == "flip")
    assert (flip["recorded"], flip["decided"]) == ("continue", "exhausted")
    said = type_in(tmp_path, "what-if", "--all", "--set", "attempts=1").out
    assert "1 trial would have left the recorded path" in said
    assert "silent: 1 imported trial" in said


@pytest.mark.slow
def test_a_sweep_gives_a_line_for_each_setting_and_the_same_picture_every_time(tmp_path: Path) -> None:
    """A picture that differs between two drawings of the same figures could not be compared."""
    explored(tmp_path)
    words = ("what-if", "@latest", "--sweep", "pdi.threshold=-3:1:5")
    rows = type_in(tmp_path, *words, "--json").rows
    assert [row["settings"][KEY] for row in rows] == [-3.0, -2.0, -1.0, 0.0, 1.0]
    for name in ("one.svg", "two.svg"):
        outcome = type_in(tmp_path, *words, "--svg", name)
        assert outcome.code == 0, outcome.err
        assert f"wrote {tmp_path / name}" in outcome.err
    picture = (tmp_path / "one.svg").read_bytes()
    assert picture == (tmp_path / "two.svg").read_bytes()
    assert KEY.encode() in picture


def test_an_answer_is_recorded_once(tmp_path: Path) -> None:
    """Appended beside the run, which stays what it is."""
    explored(tmp_path)
    words = ("what-if", "--set", "attempts=1", "--record")
    assert type_in(tmp_path, *words, "--json").rows[-1]["runs"] == 1
    again = type_in(tmp_path, *words, "--json").rows[-1]
    assert (again["runs"], len(again["already"])) == (0, 1)
    assert type_in(tmp_path, "replay").code == 0
    assert type_in(tmp_path, "log", "verify").code == 0
    assert [row["state"] for row in type_in(tmp_path, "runs", "--json").rows] == ["done"]


def test_questions_that_ask_nothing_are_refused(tmp_path: Path) -> None:
    """Each with what to type instead."""
    explored(tmp_path)
    for words, said in (
        ((), "--set pdi.threshold=-0.8"),
        (("--set", "attempts"), "is not KEY=VALUE"),
        (("--set", "pdi.treshold=1"), "did you mean pdi.threshold?"),
        (("--sweep", "pdi.threshold=1:2"), "KEY=FROM:TO:COUNT"),
        (("--sweep", "attempts=1:2:4"), "must be a whole number"),
        (("--set", "attempts=1", "--svg", "x.svg"), "--svg needs --sweep"),
    ):
        outcome = type_in(tmp_path, "what-if", *words)
        assert outcome.code == 2, words
        assert said in outcome.err
