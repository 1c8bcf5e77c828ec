"""Checks of merge-settings."""

import json


def settings():
    with open("/app/settings.json") as file:
        return json.load(file, object_pairs_hook=in_order)


def in_order(pairs):
    keys = [key for key, _ in pairs]
    assert keys == sorted(keys), "keys are not sorted"
    return dict(pairs)


def test_the_file_is_json():
    settings()


def test_nested_objects_are_merged():
    found = settings()
    assert found["server"]["port"] == 8080, "a default below server is lost"
    assert found["server"]["tls"]["enabled"] is True, "the site does not win"
    assert found["logging"]["level"] == "info", "a default below logging is lost"


def test_lists_are_replaced():
    found = settings()
    assert found["logging"]["targets"] == ["file", "stdout"], "targets were joined"
    assert found["server"]["tls"]["ciphers"] == ["c"], "ciphers were joined"


def test_null_removes_a_key():
    found = settings()
    assert "cache" not in found and "workers" not in found["server"], "a removed key is still there"
    assert set(found) == {"logging", "server"}, "other sections than asked for"
    assert set(found["server"]) == {"port", "tls"}, "other keys below server than asked for"


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
