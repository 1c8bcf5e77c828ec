"""The rubric of this task: dimensions that make 100 points, each over the tests in whose names one of its words stands."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import test_outcome
import test_process

LOGS = Path("/logs/verifier")
RUBRIC = [
    ("herbs", 15, ["every_herb"], "proportional"),
    ("averages", 40, ["test_h1_averages"], "all_or_nothing"),
    ("rows left out", 45, ["test_process.py::"], "all_or_nothing"),
]
"""Name, weight, words, and whether its tests count one by one (proportional) or only together (all_or_nothing)."""


def results_of(module):
    """Run the tests of a module."""
    results = []
    for name, test in vars(module).items():
        if name.startswith("test_"):
            node = f"{module.__name__}.py::{name}"
            try:
                test()
            except Exception as error:  # any way to fail is a failed test
                message = " ".join(str(error).split())[:500] or type(error).__name__
                results.append({"name": node, "passed": False, "error": message})
                print(f"FAILED tests/{node} - {message}")
            else:
                results.append({"name": node, "passed": True, "error": None})
                print(f"PASSED tests/{node}")
    return results


def is_hidden(result):
    leaf = result["name"].rpartition("::")[2]
    return "hidden" in result["name"] or (leaf.startswith("test_h") and leaf[6:7].isdigit())


def report(results):
    """Put results into their groups."""
    groups = {"public": [], "hidden": []}
    for result in results:
        groups["hidden" if is_hidden(result) else "public"].append(result)
    return {
        group: {"total": len(some), "passed": sum(one["passed"] for one in some), "results": some}
        for group, some in groups.items()
    }


def dimension(name, weight, words, scoring, results):
    matched = [one for one in results if any(word.lower() in one["name"].lower() for word in words)]
    passed = sum(one["passed"] for one in matched)
    whole = len(matched) or 1
    ratio = passed / whole if scoring == "proportional" else float(passed == whole)
    return {
        "name": name, "weight": weight, "tests_matched": len(matched), "tests_passed": passed, "ratio": ratio,
        "score": weight * ratio, "scoring": scoring,
    }


def main():
    outcome, process = results_of(test_outcome), results_of(test_process)
    dimensions = [dimension(*row, outcome + process) for row in RUBRIC]
    total = sum(one["score"] for one in dimensions)
    score = {"total_score": total, "max_score": 100, "dimensions": dimensions}
    for name, value in (
        ("outcome_report", report(outcome)), ("process_report", report(process)), ("score_report", score)
    ):
        (LOGS / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n")
    (LOGS / "reward.txt").write_text(f"{total / 100:.6f}\n")


main()
