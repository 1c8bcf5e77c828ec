"""Which checks of a verifier passed: rows as printed, else as reported, and never fewer than it counts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.checks import NO_CHECKS, JudgedCheck, read_checks
from projections.pdi.similarity import failed_rows
from projections.test_summary import spark_summary
from tests.projections.test_commands_recorded import TASKS, recorded_attempts

PRINTED = "collected 2 items\n PASSED t.py::one \nFAILED t.py::two - assert 1 == 2\nerror PASSED\nFAILED \n"


def report(*tests: dict[str, object], **summary: int) -> bytes:
    """A report in Common Test Report Format."""
    return json.dumps({"results": {"tests": list(tests), "summary": summary}}).encode()


def test_rows_of_a_short_summary_are_checks() -> None:
    """Only a line that begins with the word and names something; what it says of a failure is kept."""
    found = read_checks(PRINTED, None)
    assert found.rows == (
        JudgedCheck("t.py::one", passed=True, message=""),
        JudgedCheck("t.py::two", False, "assert 1 == 2"),
    )
    assert (found.passed, found.total) == (1, 2)


def test_a_summary_lists_passed_checks_and_then_failed_ones() -> None:
    """The layout that reflection reads, and of which PDI takes the crossed rows (SPARK, 2.5)."""
    summary = read_checks(PRINTED, None).summary
    assert summary == "PASSED (1):\n  ✓ t.py::one\nFAILED (1):\n  ✗ t.py::two - assert 1 == 2"
    assert failed_rows(summary) == {"t.py::two - assert 1 == 2"}


def test_a_heading_without_rows_is_left_out() -> None:
    """Nothing failed, so nothing is said of failures; and no checks have no summary."""
    assert read_checks("PASSED a", None).summary == "PASSED (1):\n  ✓ a"
    assert NO_CHECKS.summary == ""


def test_a_report_stands_in_where_nothing_was_printed() -> None:
    """Skipped checks are no rows. A message is one line; pytest's plug-in writes it as a trace."""
    tests: tuple[dict[str, object], ...] = (
        {"name": "one", "status": "passed"},
        {"name": "two", "status": "failed", "message": "a\n  b"},
        {"name": "three", "status": "failed", "trace": "x" * 300},
        {"name": "four", "status": "skipped"},
    )
    found = read_checks("nothing of note", report(*tests, tests=3, passed=1))
    assert [row.message for row in found.rows] == ["", "a b", "x" * 200]
    assert (found.passed, found.total) == (1, 3)
    assert read_checks("nothing of note", b"\xef\xbb\xbf" + report(*tests)) == found


def test_printed_rows_come_before_reported_ones() -> None:
    """They hold the folder and the message; taking both would count each check twice."""
    found = read_checks(PRINTED, report({"name": "one", "status": "passed"}, tests=1, passed=1))
    assert [row.name for row in found.rows] == ["t.py::one", "t.py::two"]
    assert (found.passed, found.total) == (1, 2)


def test_a_report_that_counts_more_than_was_printed_is_believed() -> None:
    """Output may be cut off, or quiet; three of four that passed must not become one of two."""
    found = read_checks(PRINTED, report(tests=4, passed=3))
    assert (found.passed, found.total, len(found.rows)) == (3, 4, 2)


@pytest.mark.parametrize(
    ("tests", "passed", "believed"),
    [(3, 0, True), (3, 3, True), (10**9, 0, True), (2, 2, False), (3, 4, False), (3, -1, False), (10**9 + 1, 0, False)],
)
def test_a_count_is_believed_where_it_can_be_one(tests: int, passed: int, believed: bool) -> None:  # noqa: FBT001 - a case
    """None passed, or all of them; not fewer than none, nor more than there are, nor more than anybody has."""
    found = read_checks(PRINTED, report(tests=tests, passed=passed))
    assert (found.passed, found.total) == ((passed, tests) if believed else (1, 2))


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"results": 1}', b'{"results": {"tests": [{}]}}', b"\xff"])
def test_a_broken_report_is_none(broken: bytes) -> None:
    """It stops nobody, and what was printed still counts (W13)."""
    assert read_checks("", broken) == NO_CHECKS
    assert read_checks(PRINTED, broken) == read_checks(PRINTED, None)


@given(st.text(), st.none() | st.binary())
def test_any_output_is_read(stdout: str, ctrf: bytes | None) -> None:
    """Whatever a verifier leaves."""
    found = read_checks(stdout, ctrf)
    assert sum(row.passed for row in found.rows) <= len(found.rows) <= found.total


@pytest.mark.shared
@pytest.mark.skipif(not TASKS, reason="../shared is missing")
@pytest.mark.parametrize("task", TASKS)
def test_rows_are_those_that_spark_recorded(task: str) -> None:
    """All but the words of the headings, and the traces that only we take from a report: SPARK's rows have none."""
    for attempt in recorded_attempts(task):
        if attempt["result_json"] is None:
            continue
        found = read_checks(attempt["test_stdout_full"] or "", _bytes(attempt["ctrf_json"]))
        if not spark_summary(attempt["test_stdout_full"] or "", None):
            found = found._replace(rows=tuple(row._replace(message="") for row in found.rows))
        assert _rows(found.summary) == _rows(attempt["test_summary"])


def _rows(summary: str) -> list[str]:
    """Rows with their marks, and of each heading its word."""
    return [line.partition(" (")[0] if line.startswith(("PASSED", "FAILED")) else line for line in summary.split("\n")]


def _bytes(ctrf: Any) -> bytes | None:
    return None if ctrf is None else json.dumps(ctrf).encode()
