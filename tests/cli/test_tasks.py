"""Stories of datasets: what is odd about them, and whether their tasks judge as they should."""

from pathlib import Path

import pytest

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


def test_what_agents_can_read_of_the_tests_is_named_by_its_rule(tmp_path: Path) -> None:
    """A script of the tests under another name, and tests that are mounted; data that both have is none."""
    leaky, fine = make_task(tmp_path / "set" / "leaky"), make_task(tmp_path / "set" / "fine")
    (leaky / "environment" / "notes.txt").write_bytes((leaky / "tests" / "test.sh").read_bytes())
    mounted = "services:\n  db:\n    image: db:1\n    volumes: ['../tests:/t']\n"
    (leaky / "environment" / "docker-compose.yaml").write_text(mounted)
    for folder in ("environment", "tests"):
        (fine / folder / "data.csv").write_text("a,b\n1,2\n3,4\n")
    rows = {row["task"]: row for row in type_in(tmp_path, "tasks", "check", "set", "--json").rows}
    found = [each for each in rows["leaky"]["oddities"] if each["rule"] == "agent-image-test-leak"]
    assert [(each["weight"], each["place"]) for each in found] == [
        ("warning", "environment/notes.txt"),
        ("warning", "environment/docker-compose.yaml line 4"),
    ]
    assert (rows["fine"]["state"], [each["rule"] for each in rows["fine"]["oddities"] if each["rule"]]) == ("ok", [])


def test_the_oracle_earns_and_nothing_does_not(tmp_path: Path) -> None:
    """A task whose solution is wrong is found, and a task that cannot run is told by name."""
    make_task(tmp_path / "set" / "good")
    wrong = make_task(tmp_path / "set" / "wrong")
    (wrong / "solution" / "solve.sh").write_text("#!/bin/sh\necho nope > /app/answer.txt\n")
    needy = make_task(tmp_path / "set" / "needy")
    (needy / "environment" / "Dockerfile").write_text("FROM debian:bookworm-slim\nRUN apt-get install -y x\n")
    (make_task(tmp_path / "set" / "unsolved") / "solution" / "solve.sh").unlink()
    outcome = type_in(tmp_path, "tasks", "run", "set", "--sandbox", sandbox_here(), "--json")
    rows = [row for row in outcome.rows if row["kind"] == "proof"]
    found = {row["task"]: (row["verdict"], row["reward"], row["nop_reward"]) for row in rows}
    refused = {"needy": ("refused", None, None), "unsolved": ("refused", None, None)}
    assert found == {"good": ("sound", 1.0, 0.0), "wrong": ("unsound", 0.0, 0.0), **refused}
    assert outcome.code == 3


def test_a_task_that_rewards_doing_nothing_is_unsound(tmp_path: Path) -> None:
    """Its verifier would teach that nothing is enough."""
    lax = make_task(tmp_path / "set" / "lax")
    (lax / "tests" / "test.sh").write_text("#!/bin/sh\necho 1 > /logs/verifier/reward.txt\n")
    outcome = type_in(tmp_path, "tasks", "run", "set", "--agent", "nop", "--sandbox", sandbox_here(), "--json")
    assert [row["verdict"] for row in outcome.rows] == ["unsound"]


@pytest.mark.slow
def test_a_task_is_sound_only_once_both_agents_were_judged(tmp_path: Path) -> None:
    """The oracle earned everything of a task that rewards nothing, too, and the task was told to be sound."""
    lax = make_task(tmp_path / "set" / "lax")
    (lax / "tests" / "test.sh").write_text("#!/bin/sh\necho 1 > /logs/verifier/reward.txt\n")
    make_task(tmp_path / "set" / "good")
    both = type_in(tmp_path, "tasks", "run", "set", "--sandbox", sandbox_here(), "--json")
    found = {row["task"]: (row["verdict"], row["detail"]) for row in both.rows}
    assert found == {"good": ("sound", ""), "lax": ("unsound", "doing nothing earns the full reward")}
    assert both.code == 3
    alone = type_in(tmp_path, "tasks", "run", "set", "--agent", "oracle", "--sandbox", sandbox_here())
    assert alone.code == 0
    assert "sound" not in alone.out
    assert "2 of 2 tasks held for oracle alone" in alone.out


def test_what_all_tasks_share_is_told_once(tmp_path: Path) -> None:
    """Three notes on every healthy task hid what was wrong with one."""
    for name in ("one", "two", "three"):
        make_task(tmp_path / "set" / name)
    (tmp_path / "set" / "two" / "task.toml").write_text("[agent]\ntimout_sec = 3\n")
    rows = {row["task"]: row for row in type_in(tmp_path, "tasks", "check", "set", "--json").rows}
    shared = set.intersection(*(set(row["notes"]) for row in rows.values()))
    out = " ".join(type_in(tmp_path, "tasks", "check", "set").out.split())
    for note in shared:
        assert out.count(" ".join(note.split())) == 1
    assert out.count("timout_sec") >= 1
    assert out.count("all tasks") == len(shared) + sum(
        all(each in row["oddities"] for row in rows.values()) for each in rows["one"]["oddities"]
    )
