"""SPARK's own statuses, judged again from what it recorded."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from engine.policies.judging import VerdictFacts, spark_trajectory_status
from tests.engine.programs.explore.policies.recorded import TRAJECTORIES, needs_shared

pytestmark = [pytest.mark.shared, needs_shared]


def _results() -> Iterator[dict[str, Any]]:
    for path in sorted(TRAJECTORIES.glob("*/trajectory.jsonl")):
        with path.open(encoding="utf-8") as lines:
            yield from (each for line in lines if (each := json.loads(line))["type"] == "execution_result")


def test_recorded_trajectory_statuses_are_reached_again() -> None:
    """A missing result counts as an exception there (2.5); all of the subset agree."""
    judged = 0
    for line in _results():
        result = line["result_json"] or {"exception_info": "no result.json"}
        exception = result.get("exception_info")
        facts = VerdictFacts(line["reward"], None if exception is None else "raised", None)
        assert spark_trajectory_status(facts).value == line["status"]
        judged += 1
    assert judged > 60
