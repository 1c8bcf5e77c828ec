"""Checks of sales-by-region."""

import json

# Written down here: the agent can edit /app/sales.csv.
EXPECTED = {"east": 2360, "north": 2500, "south": 7988, "west": 10000}


def totals():
    with open("/app/totals.json") as file:
        return json.load(file)


def test_every_region_is_there():
    assert set(totals()) == set(EXPECTED), "regions differ"


def test_regions_are_sorted():
    assert list(totals()) == sorted(totals()), "keys are not sorted"


def test_revenue_is_in_whole_cents():
    assert totals() == EXPECTED, "revenues differ"


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
