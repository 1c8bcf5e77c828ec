"""From facts to an outcome."""

import math

import pytest

from engine.policies.judging import (
    Failed,
    Infrastructure,
    NoVerdict,
    Outcome,
    Solved,
    SparkStatus,
    VerdictFacts,
    judge,
    spark_infrastructure,
    spark_status,
    spark_trajectory_status,
)


@pytest.mark.parametrize(
    ("reward", "outcome"),
    [(1.0, Solved(1.0)), (0.5, Failed(0.5)), (0.0, Failed(0.0)), (1.5, Solved(1.5))],
)
def test_a_reward_is_a_score(reward: float, outcome: Outcome) -> None:
    """The threshold is 1 unless told otherwise."""
    assert judge(VerdictFacts(reward, None, None)) == outcome


def test_the_threshold_is_a_setting() -> None:
    """Some tasks reward in parts."""
    assert judge(VerdictFacts(0.5, None, None), solved_at=0.5) == Solved(0.5)


@pytest.mark.parametrize("reward", [None, math.nan, math.inf, -math.inf])
def test_w13_a_missing_or_absurd_reward_is_no_verdict(reward: float | None) -> None:
    """SPARK raises on it, and the task's thread dies without a word (W13)."""
    assert isinstance(judge(VerdictFacts(reward, None, None)), NoVerdict)


def test_w8_infrastructure_is_never_a_score() -> None:
    """SPARK counts it as 0 (W8); a reward beside it cannot be trusted either."""
    assert judge(VerdictFacts(1.0, None, "no space left")) == Infrastructure("no space left")
    assert judge(VerdictFacts(0.0, "boom", "no space left")) == Infrastructure("no space left")


def test_an_agent_that_ran_out_of_time_keeps_its_reward() -> None:
    """The verifier ran afterwards, and its word counts."""
    assert judge(VerdictFacts(1.0, "timed out", None)) == Solved(1.0)
    assert judge(VerdictFacts(None, "timed out", None)) == NoVerdict("timed out")


@pytest.mark.parametrize(
    ("facts", "attempts", "trajectory"),
    [
        (VerdictFacts(1.0, "timed out", None), SparkStatus.PASS, SparkStatus.ERROR),
        (VerdictFacts(0.4, "timed out", None), SparkStatus.ERROR, SparkStatus.ERROR),
        (VerdictFacts(0.4, None, None), SparkStatus.PARTIAL, SparkStatus.PARTIAL),
        (VerdictFacts(None, None, None), SparkStatus.FAIL, SparkStatus.FAIL),
        (VerdictFacts(1.0, "setup failed", "setup failed"), SparkStatus.INFRA, SparkStatus.ERROR),
    ],
)
def test_spark_statuses_compare(facts: VerdictFacts, attempts: SparkStatus, trajectory: SparkStatus) -> None:
    """Both of SPARK's orders, since its two records disagree (2.5)."""
    assert spark_status(facts) == attempts
    assert spark_trajectory_status(facts) == trajectory


@pytest.mark.parametrize(
    ("message", "blamed"),
    [
        ("Agent setup failed with exit code 1", True),
        ("process ended with exit code 137", True),
        ("Exit Code 137", False),
        ("exit code 1370", False),
        ("E: apt-get update failed", True),
        ("AgentTimeoutError", False),
    ],
)
def test_spark_blames_by_pattern(message: str, *, blamed: bool) -> None:
    """Kept for reading its records; ours are told apart by type."""
    assert spark_infrastructure(message) is blamed
