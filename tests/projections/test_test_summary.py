"""SPARK's summary of a verifier's tests, where recordings do not reach."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.pdi.similarity import failed_rows
from projections.test_summary import spark_counts, spark_reward, spark_status, spark_summary

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["results", "summary", "tests", "name"]), inner),
)


def report(*tests: dict[str, object]) -> dict[str, object]:
    """A CTRF report."""
    return {"results": {"tests": list(tests), "summary": {"tests": 2, "passed": 1, "failed": 1}}}


def test_the_short_summary_comes_before_the_report() -> None:
    """The report's names lack the folder and its messages are mostly empty."""
    printed = "x PASSED\n PASSED a::one \nFAILED a::two - boom\n"
    expected = "PASSED (do NOT change logic for these):\n  ✓ a::one\nFAILED (fix these):\n  ✗ a::two - boom"
    assert spark_summary(printed, report({"name": "b", "status": "failed"})) == expected


def test_the_report_stands_in_where_nothing_was_printed() -> None:
    """Skipped tests are no rows; a message is one line of at most 200 characters."""
    skipped: dict[str, object] = {"name": "a", "status": "skipped"}
    failed: dict[str, object] = {"name": "b", "status": "failed", "message": "x\n" * 200}
    row = spark_summary("", report(skipped, failed)).split("\n")[1]
    assert row == "  ✗ b - " + ("x " * 200)[:200] + "..."


def test_only_the_end_of_a_long_output_is_read() -> None:
    """A budget of characters; rows before it are lost."""
    assert spark_summary("FAILED a\n" + "x" * 100, None, window=50) == ""


def test_failed_rows_come_back_from_a_summary() -> None:
    """PDI compares these sets."""
    assert failed_rows(spark_summary("FAILED a - m\nPASSED b\nFAILED c", None)) == {"a - m", "c"}


def test_an_exception_outweighs_a_full_reward() -> None:
    """It happened once in the recordings: in time with the answer, too late with the end."""
    assert spark_status(1.0, raised=True) == "ERROR"
    assert [spark_status(reward, raised=False) for reward in (1.0, 0.45, 0.0)] == ["PASS", "PARTIAL", "FAIL"]


@pytest.mark.slow
@given(JSON, JSON)
def test_any_report_is_read(ctrf: object, result: object) -> None:
    """A damaged report is none; it never stops a reader (W13)."""
    assert spark_summary("", ctrf) == spark_summary("", ctrf)
    assert len(spark_counts(ctrf)) == 3
    assert isinstance(spark_reward(result), float)
