"""Commands, test summaries, statuses and counts against every attempt that SPARK recorded."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from projections.commands import printed_commands
from projections.test_summary import spark_counts, spark_reward, spark_status, spark_summary

FOLDERS: Final = Path(__file__).parents[3] / "shared" / "data" / "spark-trajectories"
TASKS: Final = sorted(path.parent.name for path in FOLDERS.glob("*/trajectory.jsonl") if path.stat().st_size)

pytestmark = [pytest.mark.shared, pytest.mark.skipif(not TASKS, reason="../shared is missing")]
each_task = pytest.mark.parametrize("task", TASKS)


def recorded_attempts(task: str) -> list[dict[str, Any]]:
    """Read the attempts of a trajectory."""
    found = []
    for line in (FOLDERS / task / "trajectory.jsonl").read_text(encoding="utf-8").split("\n"):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and value.get("type") == "execution_result":
            found.append(value)
    return found


@each_task
def test_commands_are_read_as_spark_read_them(task: str) -> None:
    """PDI compares facts with this text, so each character counts."""
    for attempt in recorded_attempts(task):
        assert printed_commands(attempt["agent_stdout_full"] or "") == attempt["agent_commands"]


@each_task
def test_summaries_are_read_as_spark_read_them(task: str) -> None:
    """Failed rows are half of ossification. Where there was no trial, SPARK wrote a text of its own."""
    for attempt in recorded_attempts(task):
        if attempt["result_json"] is not None:
            summary = spark_summary(attempt["test_stdout_full"] or "", attempt["ctrf_json"])
            assert summary == attempt["test_summary"]


@each_task
def test_status_and_counts_follow_from_what_harbor_left(task: str) -> None:
    """An infrastructure error is an override of whoever retries, and not in the result."""
    for attempt in recorded_attempts(task):
        result = attempt["result_json"]
        if result is None or attempt["status"] == "INFRA_ERROR":
            continue
        reward = spark_reward(result)
        assert reward == attempt["reward"]
        assert spark_status(reward, raised=result.get("exception_info") is not None) == attempt["status"]
        counts = spark_counts(attempt["ctrf_json"])
        assert (counts.passed, counts.tests) == (attempt["n_passed"], attempt["n_tests"])
