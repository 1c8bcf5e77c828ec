"""Checks of file-manifest."""

import hashlib
import json
import os


def test_the_manifest_lists_every_file():
    found = []
    for folder, _, names in os.walk("/app/data"):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found.append((os.path.relpath(path, "/app/data"), hashlib.sha256(file.read()).hexdigest()))
    with open("/app/MANIFEST") as file:
        assert file.read() == "".join(f"{digest}  {path}\n" for path, digest in sorted(found)), "the manifest differs"


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
