"""Runs have names of their own: found by them in every command, never two runs by one."""

from pathlib import Path

import pytest

from tests.cli.terminal import type_in
from tests.cli.test_evaluate import evaluate
from tests.cli.test_replay import EXPLORE
from tests.engine.programs.evaluate.test_evaluate import questions
from tests.support.runs import SCRIPT, make_base


def test_a_run_goes_by_the_name_that_it_was_given(tmp_path: Path) -> None:
    """Listed beside its id, and taken in place of it, by commands that read one run, several, or parts of one."""
    questions(tmp_path)
    assert evaluate(tmp_path, "--name", "first").code == 0
    assert evaluate(tmp_path).code == 0
    named, nameless = type_in(tmp_path, "runs", "--json").rows
    assert (named["name"], nameless["name"]) == ("first", None)
    assert f"{named['run']} first" in type_in(tmp_path, "runs").out
    assert ["name", "first"] in [line.split() for line in type_in(tmp_path, "show", "first").out.splitlines()]
    for words in (
        ("show", "first", "--json"),
        ("compare", "first", "--json"),
        ("decisions", "first", "--json"),
        ("log", "tail", "first", "--json"),
    ):
        found = type_in(tmp_path, *words)
        assert found.code == 0, found.err
        assert {row["run"] for row in found.rows if "run" in row} == {named["run"]}, words
    assert type_in(tmp_path, "replay", "first").code == 0
    assert type_in(tmp_path, "show", "@latest~1", "--json").rows[0]["run"] == named["run"]
    assert type_in(tmp_path, "show", "first:run@1", "--json").code == 0
    assert type_in(tmp_path, "bundle", "write", "first", "-o", "a.bundle").code == 0
    read = type_in(tmp_path, "runs", "--log", "a.bundle", "--json")
    assert [row["name"] for row in read.rows] == ["first"]
    assert type_in(tmp_path, "log", "copy", ".stillroom/log.db", "copy.db", "first").code == 0
    assert [row["name"] for row in type_in(tmp_path, "runs", "--log", "copy.db", "--json").rows] == ["first"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("first", "goes by it"),
        ("12", "could not tell it"),
        ("a/b", "could not tell it"),
        ("a~1", "could not tell it"),
        ("", "could not tell it"),
    ],
)
def test_a_name_that_could_mean_two_things_is_refused_before_the_run_starts(
    name: str, why: str, tmp_path: Path
) -> None:
    """A position, a trial, a run counted back; a name that is taken, or is how an id begins."""
    questions(tmp_path)
    assert evaluate(tmp_path, "--name", "first").code == 0
    (run,) = type_in(tmp_path, "runs", "--json").rows
    for wanted in (name, run["run"][:3] if name == "first" else name):
        refused = evaluate(tmp_path, f"--name={wanted}")
        assert refused.code == 2
        assert why in refused.err
    assert len(type_in(tmp_path, "runs", "--json").rows) == 1


def test_a_name_that_two_runs_have_is_ambiguous(tmp_path: Path) -> None:
    """Logs that were put together may hold a name twice: the ids are listed, and none is guessed."""
    runs = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        questions(folder)
        assert evaluate(folder, "--name", "same").code == 0
        runs.append(type_in(folder, "runs", "--json").rows[0]["run"])
    assert type_in(tmp_path, "log", "copy", "two/.stillroom/log.db", "one/.stillroom/log.db", "same").code == 0
    refused = type_in(tmp_path / "one", "show", "same")
    assert refused.code == 2
    assert f"same is ambiguous: {', '.join(runs)}" in refused.err
    assert type_in(tmp_path / "one", "show", "same", "--json").code == 2
    assert type_in(tmp_path / "one", "show", runs[1]).code == 0


@pytest.mark.slow
def test_a_fork_does_not_go_by_the_name_of_its_parent(tmp_path: Path) -> None:
    """It is another run; it may be given a name of its own."""
    make_base(tmp_path, SCRIPT, "one", "two")
    assert type_in(tmp_path, *EXPLORE).code == 0
    (first,) = type_in(tmp_path, "runs", "--json").rows
    assert "branch  done" in type_in(tmp_path, "fork", "--at", str(first["events"] // 2), "--name", "branch").out
    branch = type_in(tmp_path, "runs", "--json").rows[1]
    own = branch["events"] - branch["shared"]
    type_in(tmp_path, "fork", "branch", "--at", str(first["events"] + own // 2))
    rows = type_in(tmp_path, "runs", "--json").rows
    assert [(row["name"], row["parent"]) for row in rows] == [
        (None, None),
        ("branch", first["run"]),
        (None, branch["run"]),
    ]
    taken = type_in(tmp_path, "fork", "--at", str(first["events"] // 2), "--name", "branch")
    assert (taken.code, len(type_in(tmp_path, "runs", "--json").rows)) == (2, 3)
