"""Checks of merge-settings."""

import json


def settings():
    with open("/app/settings.json") as file:
        return json.load(file)


def test_the_file_is_json():
    settings()


def test_nested_objects_are_merged():
    assert settings()["server"]["port"] == 8080, "a default below server is lost"


def test_lists_are_replaced():
    assert settings()["logging"]["targets"] == ["file", "stdout"], "targets were joined"


def test_null_removes_a_key():
    assert "cache" not in settings() and "workers" not in settings()["server"], "a removed key is still there"


def reward(passed, total):
    return passed / total


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
