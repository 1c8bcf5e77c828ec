"""Running the tests of a module, in two groups: public ones, and hidden ones, whose names begin with test_h1 and so on."""

from importlib import import_module


def report_of(name):
    """Run each test; an error is told in at most 500 characters."""
    report = {group: {"total": 0, "passed": 0, "results": []} for group in ("public", "hidden")}
    for leaf, test in vars(import_module(name)).items():
        if not leaf.startswith("test_"):
            continue
        group = report["hidden" if leaf.startswith("test_h") and leaf[6:7].isdigit() else "public"]
        error = _error_of(test)
        group["total"] += 1
        group["passed"] += error is None
        group["results"].append({"name": f"{name}.py::{leaf}", "passed": error is None, "error": error})
        told = "PASSED" if error is None else "FAILED"
        print(f"{told} tests/{name}.py::{leaf}" + ("" if error is None else f" - {error}"))
    return report


def _error_of(test):
    try:
        test()
    except Exception as error:  # any way to fail is a failed test
        return " ".join(str(error).split())[:500] or type(error).__name__
    return None
