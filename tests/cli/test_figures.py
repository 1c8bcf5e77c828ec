"""Figures from the command line: drawn from a log, or from a bundle of one, and from nothing else."""

from pathlib import Path

import pytest

from tests.cli.terminal import type_in
from tests.support.reflected import write_spark

DEMO = str(Path(__file__).parents[1] / "golden" / "demo.bundle")
ALL_TASKS = str(Path(__file__).parents[1] / "golden" / "demo-323f770.bundle")


@pytest.mark.slow
def test_dynamics_of_a_run_and_of_one_trial(tmp_path: Path) -> None:
    """A row for each trial; the same log gives the same bytes."""
    (row,) = type_in(tmp_path, "figure", "dynamics", "--log", DEMO, "--json").rows
    assert row["path"] == "dynamics.svg"
    assert row["description"].count(" attempt") >= 4
    drawn = (tmp_path / "dynamics.svg").read_bytes()
    (again,) = type_in(tmp_path, "figure", "dynamics", "--log", DEMO, "--to", "out/again.svg", "--json").rows
    assert again["digest"] == row["digest"]
    assert (tmp_path / "out" / "again.svg").read_bytes() == drawn
    (one,) = type_in(tmp_path, "figure", "dynamics", "errors-per-hour", "--log", DEMO, "--to", "a.png", "--json").rows
    assert "merge-settings" not in one["description"]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_rows_of_several_runs_and_of_one_task(tmp_path: Path) -> None:
    """Case 2: two runs, one below the other."""
    write_spark(tmp_path / "spark", 2)
    assert type_in(tmp_path, "import", "spark", "spark").code == 0
    rows = type_in(tmp_path, "runs", "--json").rows
    first, second = [row["run"] for row in rows]
    (row,) = type_in(tmp_path, "figure", "dynamics", first, second, "--json").rows
    assert first in row["description"]
    assert second in row["description"]
    (row,) = type_in(tmp_path, "figure", "dynamics", first, second, "--task", "task1", "--json").rows
    assert first not in row["description"]
    refused = type_in(tmp_path, "figure", "dynamics", first, "--task", "task9")
    assert (refused.code, "tasks: task0" in refused.err) == (2, True)


def test_two_attempts_side_by_side(tmp_path: Path) -> None:
    """Named as `show` names them."""
    words = ("figure", "before-after", "errors-per-hour/1", "errors-per-hour/4", "--log", DEMO)
    (row,) = type_in(tmp_path, *words, "--json").rows
    assert "solved, reward 1, 3 of 3 tests passed, told: strong" in row["description"]
    assert "wrote before-after.svg" in type_in(tmp_path, *words).out


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("dynamics", "--to", "a.jpg"), "end the name in .svg, .png or .pdf"),
        (("dynamics", "errors-per-hour/1"), "name RUN or RUN:TRIAL"),
        (("before-after", "errors-per-hour", "errors-per-hour/2"), "name one as RUN:TRIAL/2"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_a_remedy(tmp_path: Path, words: tuple[str, ...], wanted: str) -> None:
    """Before anything is written."""
    refused = type_in(tmp_path, "figure", *words, "--log", DEMO)
    assert refused.code == 2
    assert wanted in refused.err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_more_rows_than_can_be_read_are_refused(tmp_path: Path) -> None:
    """Thirteen trials: the remedy names the ways to choose."""
    write_spark(tmp_path / "spark", 13, steps=1)
    assert type_in(tmp_path, "import", "spark", "spark").code == 0
    runs = [row["run"] for row in type_in(tmp_path, "runs", "--json").rows]
    refused = type_in(tmp_path, "figure", "dynamics", *runs)
    assert (refused.code, "--task NAME" in refused.err) == (2, True)
    assert type_in(tmp_path, "figure", "dynamics", *runs[:12]).code == 0


def test_a_run_over_time(tmp_path: Path) -> None:
    """The first picture of a run: no further word is needed, and a bundle will do."""
    (row,) = type_in(tmp_path, "figure", "run", "--log", ALL_TASKS, "--json").rows
    assert row["path"] == "run.svg"
    assert "merge-settings: 5 attempts, rewards 0.5, 0.5, 0.5, 0.5, 0.75" in row["description"]
    assert "file-manifest: 2 attempts, rewards none, none; no verdict." in row["description"]
    assert "Spent: $0.0295" in row["description"]
    assert type_in(tmp_path, "figure", "run", "--log", DEMO, "--to", "run.gif").code == 2


def test_an_imported_run_over_its_attempts(tmp_path: Path) -> None:
    """Its times are those of the import, and are not drawn."""
    write_spark(tmp_path / "spark", 1, steps=2)
    assert type_in(tmp_path, "import", "spark", "spark").code == 0
    (row,) = type_in(tmp_path, "figure", "run", "--to", "a.png", "--json").rows
    assert "attempts stand in order" in row["description"]
