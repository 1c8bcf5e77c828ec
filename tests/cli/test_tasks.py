"""Stories of datasets: what is odd about them, and whether their tasks judge as they should."""

from pathlib import Path

from tests.cli.terminal import type_in
from tests.support.isolation import sandbox_here
from tests.support.runs import make_task


def test_a_dataset_is_looked_through_and_a_bad_task_hides_no_other(tmp_path: Path) -> None:
    """One folder cannot be read, one has a typo, one is well."""
    make_task(tmp_path / "set" / "good")
    (make_task(tmp_path / "set" / "odd") / "task.toml").write_text("[agent]\ntimout_sec = 3\n")
    (make_task(tmp_path / "set" / "broken") / "task.toml").write_text("[agent\n")
    outcome = type_in(tmp_path, "tasks", "check", "set", "--json")
    assert {row["task"]: row["state"] for row in outcome.rows} == {"broken": "invalid", "good": "ok", "odd": "odd"}
    assert outcome.code == 3


def test_the_oracle_earns_and_nothing_does_not(tmp_path: Path) -> None:
    """A task whose solution is wrong is found, and a task that cannot run is told by name."""
    make_task(tmp_path / "set" / "good")
    wrong = make_task(tmp_path / "set" / "wrong")
    (wrong / "solution" / "solve.sh").write_text("#!/bin/sh\necho nope > /app/answer.txt\n")
    needy = make_task(tmp_path / "set" / "needy")
    (needy / "environment" / "Dockerfile").write_text("FROM debian:bookworm-slim\nRUN apt-get install -y x\n")
    (make_task(tmp_path / "set" / "unsolved") / "solution" / "solve.sh").unlink()
    outcome = type_in(tmp_path, "tasks", "run", "set", "--sandbox", sandbox_here(), "--json")
    found = {row["task"]: (row["verdict"], row["reward"]) for row in outcome.rows if row["kind"] == "proof"}
    refused = {"needy": ("refused", None), "unsolved": ("refused", None)}
    assert found == {"good": ("sound", 1.0), "wrong": ("unsound", 0.0), **refused}
    assert outcome.code == 3


def test_a_task_that_rewards_doing_nothing_is_unsound(tmp_path: Path) -> None:
    """Its verifier would teach that nothing is enough."""
    lax = make_task(tmp_path / "set" / "lax")
    (lax / "tests" / "test.sh").write_text("#!/bin/sh\necho 1 > /logs/verifier/reward.txt\n")
    outcome = type_in(tmp_path, "tasks", "run", "set", "--agent", "nop", "--sandbox", sandbox_here(), "--json")
    assert [row["verdict"] for row in outcome.rows] == ["unsound"]
