"""Forking from the command line: what is shared, what is refused and why, and how forks are shown."""

from pathlib import Path

import pytest

from tests.cli.terminal import type_in
from tests.cli.test_replay import explored


def position_of(folder: Path, tag: str, nth: int = 0) -> int:
    """Find an event of the log by its tag."""
    rows = type_in(folder, "log", "tail", "-n", "500", "--json").rows
    found: list[int] = [row["position"] for row in rows if row["tag"] == tag]
    return found[nth]


@pytest.mark.slow
def test_a_fork_is_looked_at_made_and_shown(tmp_path: Path) -> None:
    """A run of one trial needs no name of it; what is shared is shown as a part of the fork."""
    explored(tmp_path)
    looked = type_in(tmp_path, "fork", "--attempt", "2", "--set", "method.attempts=4", "--dry-run", "--json").rows[0]
    assert [(each["key"], each["before"], each["now"]) for each in looked["changes"]] == [("method.attempts", "5", "4")]
    assert len(type_in(tmp_path, "runs", "--json").rows) == 1
    made = type_in(tmp_path, "fork", "--attempt", "word/2", "--set", "method.attempts=4")
    assert made.code == 0
    assert made.err.startswith("changed  method.attempts: was 5, is 4\n")
    parent, child = type_in(tmp_path, "runs", "--json").rows
    assert (child["parent"], child["shared"], child["solved"]) == (parent["run"], looked["events"], 1)
    assert f"fork of {parent['run'][:6]} after {looked['events']} events: method.attempts=4" in type_in(
        tmp_path, "runs"
    ).out.replace("\n", " ")
    assert f"{parent['run']}, shares its first {looked['events']} events" in type_in(tmp_path, "show").out


@pytest.mark.slow
def test_a_fork_counts_its_events_on_from_the_cut_wherever_they_are_shown(tmp_path: Path) -> None:
    """By place, by position, in the tail of the run and in that of the whole log."""
    explored(tmp_path)
    type_in(tmp_path, "fork", "--attempt", "2")
    tail = {row["position"]: row for row in type_in(tmp_path, "log", "tail", "@latest", "-n", "500", "--json").rows}
    for row in type_in(tmp_path, "log", "tail", "-n", "20", "--json").rows:
        assert row["version"] == tail[row["position"]]["version"]
        for target in (f"{row['run']}:{row['stream']}@{row['version']}", str(row["position"])):
            shown = type_in(tmp_path, "show", target, "--json").rows[0]
            assert (shown["position"], shown["version"]) == (row["position"], row["version"])
    shared = type_in(tmp_path, "show", "@latest:trial/word@1", "--json").rows[0]
    assert shared["tag"] == "trial.opened"
    assert type_in(tmp_path, "show", "@latest:word/1").code == 0


@pytest.mark.slow
def test_a_cut_elsewhere_is_refused_with_a_place_to_cut(tmp_path: Path) -> None:
    """A position of another run, or of none, an attempt that is not there, no place, and two."""
    explored(tmp_path)
    type_in(tmp_path, "fork", "--attempt", "2")
    theirs = position_of(tmp_path, "run.closed")
    for words, why in (
        (("--at", str(theirs)), f"position {theirs} is not an event of this run"),
        (("--at", "9999"), "position 9999 is not an event of this run"),
        (("--attempt", "7"), "it has no attempt 7 of a trial word"),
        (("--attempt", "word"), "--attempt word is not TRIAL/N"),
        ((), "no fork position given"),
        (("--at", "9", "--attempt", "2"), "no fork position given"),
    ):
        refused = type_in(tmp_path, "fork", *words)
        assert refused.code == 2, words
        assert why in refused.err
        assert "remedy" in refused.err


def test_settings_that_the_shared_beginning_rests_on_are_refused_by_name(tmp_path: Path) -> None:
    """Each says why; and a table that is not whole is an error of the command line, not of ours."""
    explored(tmp_path)
    for flag, why in (
        ("tasks=elsewhere", "tasks determines the trials"),
        ('only=["word"]', "only determines the trials"),
        ("repeats=2", "repeats determines the trials"),
        ("sandbox=docker", "sandbox determines where attempts run"),
        ("models.reflector.model=other", "configuration is invalid"),
        ("method.attempt=3", "method.attempt"),
    ):
        refused = type_in(tmp_path, "fork", "--attempt", "2", "--set", flag)
        assert refused.code == 2, refused.err
        assert why in refused.err
