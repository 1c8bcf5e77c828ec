"""What a verifier said, in SPARK's own words and by SPARK's own rules; pure.

For what rests on published numbers: comparing with recordings, and PDI as SPARK computes it. What Stillroom itself
shows is `projections.checks`, which counts rows that SPARK leaves out.

Source: SPARK, 2.5. Equal to every recorded summary for which a trial exists. No recording holds a message in CTRF
(pytest-json-ctrf writes ``trace`` instead), so how one follows the name of its check is our reading.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

STDOUT_WINDOW: Final = 12_000
"""Characters of the verifier's output that the released runs looked at, from the end."""

MESSAGE_WINDOW: Final = 200
"""Characters of a CTRF message that are kept, from the start."""

SparkStatus = Literal["ERROR", "PASS", "PARTIAL", "FAIL"]
"""SPARK's word for an attempt that has a trial. INFRA_ERROR is an override by whoever retries."""


class SparkCounts(NamedTuple):
    """Checks by the CTRF report alone: 0 where it is missing, even if checks ran (SPARK, 2.5)."""

    tests: int
    passed: int
    failed: int


def spark_summary(stdout: str, ctrf: object, *, window: int = STDOUT_WINDOW) -> str:
    """Give SPARK's ``test_summary``: the rows of pytest's short summary, else those of CTRF, else nothing.

    Args:
        stdout: All the verifier printed.
        ctrf: Its parsed report; anything but an object counts as none.
        window: Characters of ``stdout`` that are read, from the end, above 0.
    """
    passed, failed = _printed(stdout[-window:])
    if not passed and not failed:
        passed, failed = _reported(ctrf)
    lines = []
    if passed:
        lines += ["PASSED (do NOT change logic for these):", *(f"  ✓ {row}" for row in passed)]
    if failed:
        lines += ["FAILED (fix these):", *(f"  ✗ {row}" for row in failed)]
    return "\n".join(lines)


def spark_status(reward: float, *, raised: bool) -> SparkStatus:
    """Give SPARK's status of a trial: an exception first, whatever the reward."""
    if raised:
        return "ERROR"
    if reward >= 1.0:
        return "PASS"
    return "PARTIAL" if reward > 0.0 else "FAIL"


def spark_reward(result: object) -> float:
    """Give the reward in Harbor's parsed ``result.json``; 0.0 where there is none, as SPARK has it.

    For comparing with SPARK only: anywhere else a missing reward is no verdict, and never a score.
    """
    reward = _object(_object(_object(result).get("verifier_result")).get("rewards")).get("reward")
    return float(reward) if isinstance(reward, int | float) else 0.0


def spark_counts(ctrf: object) -> SparkCounts:
    """Give SPARK's counts of checks."""
    summary = _object(_object(_object(ctrf).get("results")).get("summary"))
    tests, passed, failed = (summary.get(key) for key in ("tests", "passed", "failed"))
    return SparkCounts(*(value if isinstance(value, int) else 0 for value in (tests, passed, failed)))


def _printed(stdout: str) -> tuple[list[str], list[str]]:
    lines = [line.strip() for line in stdout.split("\n")]
    passed, failed = (
        [line[len(word) :].strip() for line in lines if line.startswith(word)] for word in ("PASSED ", "FAILED ")
    )
    return passed, failed


def _reported(ctrf: object) -> tuple[list[str], list[str]]:
    tests = _object(_object(ctrf).get("results")).get("tests")
    found = [_object(test) for test in tests] if isinstance(tests, list) else []
    passed = [str(test.get("name", "")) for test in found if test.get("status") == "passed"]
    return passed, [_failed(test) for test in found if test.get("status") == "failed"]


def _failed(test: Mapping[str, Any]) -> str:
    name, message = str(test.get("name", "")), test.get("message")
    flat = message.replace("\n", " ").strip() if isinstance(message, str) else ""
    if len(flat) > MESSAGE_WINDOW:
        flat = flat[:MESSAGE_WINDOW] + "..."
    return f"{name} - {flat}" if flat else name


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
