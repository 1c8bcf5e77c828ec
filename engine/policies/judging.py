"""From what the verifier and the sandbox said to an outcome; source: SPARK, 2.2 (steps 4-8) and 2.5.

Two readings of the same facts. ``judge`` is ours: a closed outcome in which broken infrastructure or a missing
reward is never a score. ``spark_status`` and ``spark_trajectory_status`` are SPARK's, kept so that recorded
files compare; they disagree with each other on purpose (a timed-out run with reward 1.0 is PASS in
``attempts.json`` and ERROR in the trajectory).

Fixes W13 (a null or malformed reward raises and kills the task's thread) and W8 (infrastructure counts as 0).
"""

import re
from enum import StrEnum
from math import isfinite

from msgspec import Struct


class VerdictFacts(Struct, frozen=True):
    """What is known when an attempt has ended."""

    reward: float | None
    """What the verifier wrote, usually in [0, 1]; None when it wrote none that can be read."""
    exception: str | None
    """What the attempt raised (a time limit, a crash of the agent); None when it ended by itself."""
    infrastructure: str | None
    """What broke that is neither the agent's nor the verifier's doing; None when nothing did."""


class Solved(Struct, frozen=True, tag="solved"):
    """The verifier is satisfied."""

    reward: float


class Failed(Struct, frozen=True, tag="failed"):
    """The verifier spoke, and is not satisfied."""

    reward: float


class NoVerdict(Struct, frozen=True, tag="no_verdict"):
    """The verifier gave no reward. Not a score of zero."""

    reason: str


class Infrastructure(Struct, frozen=True, tag="infrastructure"):
    """Something around the attempt broke. Not a score of zero, and not the agent's failure."""

    reason: str


Outcome = Solved | Failed | NoVerdict | Infrastructure


class SparkStatus(StrEnum):
    """SPARK's words, as recorded."""

    PASS = "PASS"  # noqa: S105 - SPARK's word, no password
    PARTIAL = "PARTIAL"
    FAIL = "FAIL"
    ERROR = "ERROR"
    INFRA = "INFRA_ERROR"


_SPARK_INFRASTRUCTURE = re.compile(
    r"(?i:agent setup failed with exit code|setup failed|no space left on device"
    r"|apt\b.*\b(?:update|install)\b.*(?:fail|error))"
    r"|\bexit code (?:100|127|137)\b"
)


def judge(facts: VerdictFacts, *, solved_at: float = 1.0) -> Outcome:
    """Say how an attempt ended.

    Args:
        facts: What is known.
        solved_at: The reward from which a task counts as solved.
    """
    if facts.infrastructure is not None:
        return Infrastructure(facts.infrastructure)
    if facts.reward is None:
        return NoVerdict(facts.exception or "the verifier wrote no reward")
    if not isfinite(facts.reward):
        return NoVerdict(f"the verifier wrote {facts.reward}, which is not a number to judge by")
    return Solved(facts.reward) if facts.reward >= solved_at else Failed(facts.reward)


def spark_status(facts: VerdictFacts) -> SparkStatus:
    """Judge as ``attempts.json`` records: infrastructure, then the reward, then the exception."""
    if facts.infrastructure is not None:
        return SparkStatus.INFRA
    if (facts.reward or 0.0) >= 1.0:
        return SparkStatus.PASS
    return spark_trajectory_status(facts)


def spark_trajectory_status(facts: VerdictFacts) -> SparkStatus:
    """Judge as the trajectory records: an exception first, whatever the reward."""
    reward = facts.reward or 0.0
    if facts.exception is not None:
        return SparkStatus.ERROR
    if reward >= 1.0:
        return SparkStatus.PASS
    return SparkStatus.PARTIAL if reward > 0.0 else SparkStatus.FAIL


def spark_infrastructure(message: str) -> bool:
    """Whether SPARK would blame the infrastructure for this error text.

    For reading its records only: exit code 137 is also an agent that ran out of memory (spark.md, 10). Our own
    sandboxes say by type who failed.
    """
    return _SPARK_INFRASTRUCTURE.search(message) is not None
