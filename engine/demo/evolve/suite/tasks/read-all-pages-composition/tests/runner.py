"""A slim runner: methods of classes whose names begin with Test; the reward is the share of them that pass."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import test_outcome
import test_process

LOGS = Path("/logs/verifier")


def results_of(module):
    results = []
    for name, value in vars(module).items():
        if name.startswith("Test") and isinstance(value, type):
            for leaf in [each for each in vars(value) if each.startswith("test_")]:
                node = f"{module.__name__}.py::{name}::{leaf}"
                try:
                    getattr(value(), leaf)()
                except Exception as error:  # any way to fail is a failed test
                    message = " ".join(str(error).split())[:500] or type(error).__name__
                    results.append({"name": node, "passed": False, "error": message})
                    print(f"FAILED tests/{node} - {message}")
                else:
                    results.append({"name": node, "passed": True, "error": None})
                    print(f"PASSED tests/{node}")
    return results


def main():
    reports = {"outcome": results_of(test_outcome), "process": results_of(test_process)}
    for kind, results in reports.items():
        public = {"total": len(results), "passed": sum(one["passed"] for one in results), "results": results}
        (LOGS / f"{kind}_report.json").write_text(json.dumps({"public": public}, indent=1) + "\n")
    every = [one for results in reports.values() for one in results]
    (LOGS / "reward.txt").write_text(f"{round(sum(one['passed'] for one in every) / len(every), 4)}\n")


main()
