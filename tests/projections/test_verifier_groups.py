"""Reports of verifiers: three kinds leave them, and each is read as it is meant."""

import json

import pytest

from projections.verifier_groups import GroupTest, TestCounts, is_hidden, read_groups


def _group(**tests: bool) -> dict[str, object]:
    results = [{"name": name, "passed": passed, "error": "" if passed else "wrong"} for name, passed in tests.items()]
    return {"total": len(results), "passed": sum(tests.values()), "results": results}


def _files(**reports: object) -> dict[str, bytes]:
    return {f"{name}_report.json": json.dumps(report).encode() for name, report in reports.items()}


def test_a_rubric_may_be_full_where_a_group_is_not() -> None:
    """A test outside every dimension costs nothing: reward 1.0, and our own reading says no (W39)."""
    reading = read_groups(
        _files(
            outcome={"public": _group(test_p1=True), "hidden": _group(test_h1=True, test_h9=False)},
            process={"public": _group(test_p1_changed=True)},
            score={
                "total_score": 100.0,
                "max_score": 100.0,
                "dimensions": [
                    {"name": "all", "weight": 100.0, "tests_matched": 3, "tests_passed": 3, "scoring": "proportional",
                     "ratio": 1.0, "score": 100.0},
                ],
            },
        )
    )  # fmt: skip
    assert (reading.score, reading.outcome, reading.process, reading.passed) == (1.0, False, True, False)
    assert (reading.outcome_public, reading.outcome_hidden) == (TestCounts(1, 1), TestCounts(1, 2))
    assert [test for test in reading.tests if not test.passed] == [
        GroupTest("test_h9", "outcome", hidden=True, passed=False, message="wrong")
    ]


def test_counts_of_a_rubric_in_javascript_stand_under_other_names() -> None:
    """They are ``matched`` and ``passed``; read as Python's names they would all be 0 (W39)."""
    row = {"name": "H1: bypass", "weight": 20.0, "matched": 1, "passed": 1, "scoring": "all_or_nothing", "score": 20.0}
    (dimension,) = read_groups(_files(score={"total_score": 20, "max_score": 100, "dimensions": [row]})).rubric
    assert (dimension.matched, dimension.passed, dimension.scoring) == (1, 1, "all_or_nothing")


def test_three_equal_groups_are_passed_though_they_add_up_to_less() -> None:
    """0.9999 is no success to SkillEvolBench; each group is whole, and ours says so."""
    dims = [{"name": name, "weight": 33.33, "tests_matched": 1, "tests_passed": 1, "score": 33.33} for name in "abc"]
    reading = read_groups(
        _files(
            outcome={"task_id": "T", "public": _group(a=True), "hidden": _group(b=True), "notes": []},
            process={"task_id": "T", "public": _group(c=True), "hidden": {"total": 0, "passed": 0, "results": []}},
            score={"total_score": 99.99, "max_score": 100.0, "dimensions": dims},
        )
    )
    assert reading.score == pytest.approx(0.9999)
    assert (reading.passed, reading.process_hidden) == (True, None)


def test_the_runner_that_counts_tests_has_no_maximum_and_no_hidden_group() -> None:
    """Its reward is a share of tests, and its two dimensions have weights of a half."""
    half = {"name": "outcome", "weight": 0.5, "tests_matched": 3, "tests_passed": 2, "ratio": 0.6667, "score": 0.3333}
    reading = read_groups(
        _files(
            outcome={"public": {"passed": 2, "total": 3, "results": []}},
            process={"public": {"passed": 0, "total": 0, "results": []}},
            score={"passed": 2, "total": 3, "reward": 0.6667, "dimensions": [half], "tests": []},
        )
    )
    assert (reading.outcome, reading.process, reading.passed) == (False, None, False)
    assert reading.score == pytest.approx(0.6667)
    assert reading.outcome_hidden is None


def test_what_is_missing_is_neither_passed_nor_failed() -> None:
    """A task without process tests, and one without any report."""
    assert read_groups(_files(outcome={"public": _group(a=True)})).process is None
    nothing = read_groups({"reward.txt": b"1.0"})
    assert (nothing.outcome, nothing.process, nothing.passed, nothing.score, nothing.problems) == (None,) * 4 + ((),)


def test_pytest_s_own_reports_are_sorted_by_the_names_of_tests() -> None:
    """Older tasks leave them; a test is hidden if its id says so, or its name begins test_h and a digit."""
    tests = [
        {"nodeid": "test_outcome.py::TestPublic::test_p1", "outcome": "passed"},
        {"nodeid": "test_outcome.py::TestHidden::test_x", "outcome": "passed"},
        {"nodeid": "test_outcome.py::test_h2_y", "outcome": "failed", "call": {"longrepr": "boom"}},
    ]
    reading = read_groups({"outcome.json": json.dumps({"tests": tests}).encode()})
    assert (reading.outcome_public, reading.outcome_hidden) == (TestCounts(1, 1), TestCounts(1, 2))
    assert reading.tests[-1].message == "boom"
    assert not is_hidden("test_outcome.py::test_helper")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b'{"public": 3}', "public is no object"),
        (b'{"public": {"passed": 3, "total": 2}}', "counts 3 passed of 2"),
        (b'{"public": {"passed": 1, "total": 1, "results": [{"name": "a", "passed": false}]}}', "lists otherwise"),
    ],
)
def test_a_damaged_report_is_named(data: bytes, said: str) -> None:
    """An agent cannot have written it; whoever wrote the tests did."""
    (problem,) = read_groups({"outcome_report.json": data}).problems
    assert said in problem


def test_a_group_that_only_lists_its_tests_is_counted() -> None:
    """Counts are the verifier's to give, and follow from its tests where it gives none."""
    reading = read_groups(_files(outcome={"public": {"results": [{"name": "a", "passed": True}]}}))
    assert reading.outcome_public == TestCounts(1, 1)


def test_numbers_that_are_none_are_left_out() -> None:
    """True is no count, and a maximum of 0 gives no share."""
    report = {"total_score": 1, "max_score": 0, "dimensions": [{"name": "a", "weight": True, "matched": -1}]}
    reading = read_groups(_files(score=report))
    assert reading.score is None
    assert "no two numbers" in reading.problems[0]
    assert (reading.rubric[0].weight, reading.rubric[0].matched) == (None, None)
