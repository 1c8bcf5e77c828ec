"""Checks of errors-per-hour."""

import json

EXPECTED = {"2026-03-01T09Z": 3, "2026-03-01T10Z": 1, "2026-03-01T11Z": 3, "2026-03-02T04Z": 1}


def rows():
    with open("/app/errors.csv") as file:
        lines = file.read().split("\n")
    assert lines[0] == "hour,errors", "the header differs"
    return [line.split(",") for line in lines[1:] if line]


def test_the_file_has_its_header():
    rows()


def test_hours_are_utc_and_in_order():
    hours = [hour for hour, _ in rows()]
    assert hours == sorted(EXPECTED), "hours differ"


def test_each_error_is_counted_once():
    assert {hour: int(count) for hour, count in rows()} == EXPECTED, "counts differ"


def reward(passed, total):
    return 1.0 if passed == total else 0.0


def main() -> None:
    """Run every check, print a row for each, and leave the reward and a report."""
    checks = {name: check for name, check in globals().items() if name.startswith("test_")}
    rows = []
    for name, check in checks.items():
        try:
            check()
        except Exception as error:  # any way to fail is a failed check
            message = " ".join(str(error).split()) or type(error).__name__
            print(f"FAILED tests/test_outputs.py::{name} - {message}")
            rows.append({"name": name, "status": "failed", "duration": 0, "message": message})
        else:
            print(f"PASSED tests/test_outputs.py::{name}")
            rows.append({"name": name, "status": "passed", "duration": 0})
    passed = sum(1 for row in rows if row["status"] == "passed")
    summary = {"tests": len(rows), "passed": passed, "failed": len(rows) - passed}
    with open("/logs/verifier/ctrf.json", "w") as file:
        json.dump({"results": {"tool": {"name": "plain"}, "summary": summary, "tests": rows}}, file)
    with open("/logs/verifier/reward.txt", "w") as file:
        file.write(f"{reward(passed, len(rows)):g}\n")


main()
