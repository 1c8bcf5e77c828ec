"""Stories of proofs on the command line: what each step found, for people and for programs."""

from pathlib import Path

import pytest

from events.errors import ExitCode
from tests.cli.terminal import type_in
from tests.support.proving import make_tasks, needs_isolation
from tests.support.runs import make_task


@pytest.mark.slow
@needs_isolation
def test_tasks_are_proved_and_the_exit_code_says_whether_one_is_unsound(tmp_path: Path) -> None:
    """One is sound, one has a bad solution, one cannot run here and hides no other."""
    make_tasks(tmp_path / "set", "sound", "bad-oracle")
    needy = make_task(tmp_path / "set" / "needy")
    (needy / "environment" / "Dockerfile").write_text("FROM debian:bookworm-slim\nRUN apt-get install -y x\n")
    outcome = type_in(tmp_path, "tasks", "prove", "set", "--sandbox", "local", "--json")
    rows = {row["task"]: row for row in outcome.rows if row["kind"] == "task_proof"}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "sound": "sound",
        "bad-oracle": "unsound",
        "needy": "refused",
    }
    assert outcome.code == ExitCode.NEGATIVE
    assert {each["step"]: each["state"] for each in rows["bad-oracle"]["findings"]} == {
        "oracle": "failed",
        "nop": "held",
        "repeat": "held",
        "image": "held",
        "cheat_reward": "held",
        "cheat_tests": "held",
        "cheat_solution": "held",
    }
    assert rows["needy"]["run"] is None
    # And the run is found as any other, and replays.
    run = rows["sound"]["run"]
    assert type_in(tmp_path, "show", f"{run}:sound.oracle.1").code == ExitCode.DONE
    assert type_in(tmp_path, "show", str(run)).code == ExitCode.DONE
    assert type_in(tmp_path, "replay", str(run)).code == ExitCode.DONE


@pytest.mark.slow
@needs_isolation
def test_a_sound_task_is_told_in_a_table(tmp_path: Path) -> None:
    """A line for each step, in words."""
    make_tasks(tmp_path / "set", "sound")
    outcome = type_in(
        tmp_path, "tasks", "prove", "set", "--sandbox", "local", "--plain", "--steps", "oracle", "--steps", "nop"
    )
    assert outcome.code == ExitCode.DONE
    assert "1 of 1 task sound" in outcome.out
    assert "the solution earned 1, 1" in outcome.out
    assert "cheat" not in outcome.out.partition("task ")[2]


@needs_isolation
def test_a_task_that_cannot_run_here_is_not_proved(tmp_path: Path) -> None:
    """Nothing is started, and the exit code says that there is no verdict."""
    needy = make_task(tmp_path / "set" / "needy")
    (needy / "environment" / "Dockerfile").write_text("FROM debian:bookworm-slim\nRUN apt-get install -y x\n")
    assert type_in(tmp_path, "tasks", "prove", "set", "--sandbox", "local").code == ExitCode.NO_VERDICT
