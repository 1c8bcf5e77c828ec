"""``python3 -m verifier_lib``: run the tests beside this package, and score by groups."""

import json
import sys
from pathlib import Path

from verifier_lib.running import report_of

TESTS = Path(__file__).parents[1]
LOGS = Path("/logs/verifier")


def main():
    sys.path.insert(0, str(TESTS))
    reports = {kind: report_of(f"test_{kind}") for kind in ("outcome", "process")}
    groups = {
        f"{kind}.{name}": group
        for kind, report in reports.items() for name, group in report.items() if group["total"]
    }
    share = round(100 / len(groups), 2)
    dimensions = [
        {
            "name": name, "weight": share, "tests_matched": group["total"], "tests_passed": group["passed"],
            "ratio": float(group["passed"] == group["total"]),
            "score": share * (group["passed"] == group["total"]), "scoring": "all_or_nothing",
        }
        for name, group in groups.items()
    ]
    total = sum(one["score"] for one in dimensions)
    for kind, report in reports.items():
        (LOGS / f"{kind}_report.json").write_text(json.dumps(report, indent=1) + "\n")
    score = {"total_score": total, "max_score": 100, "dimensions": dimensions}
    (LOGS / "score_report.json").write_text(json.dumps(score, indent=1) + "\n")
    (LOGS / "reward.txt").write_text(f"{total / 100:.6f}\n")


main()
