"""One public class name stands for one thing: whoever reads it need not ask which of several is meant."""

import ast
from collections import defaultdict

import pytest

from tests.architecture.source import ROOT, modules


def _twice(sources: dict[str, str]) -> dict[str, list[str]]:
    """Public classes by name that more than one file defines."""
    files: dict[str, set[str]] = defaultdict(set)
    for file, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                files[node.name].add(file)
    return {name: sorted(found) for name, found in files.items() if len(found) > 1}


@pytest.mark.slow
def test_no_public_class_name_stands_for_two_things() -> None:
    """A second class of the same name gets another, by what it is. Helpers of tests keep to it, too."""
    sources = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in modules()}
    assert len(sources) > 100
    assert _twice(sources) == {}


def test_a_name_in_two_files_is_found_with_both() -> None:
    """Private ones, and one that is defined twice in one file under a condition, are nobody else's business."""
    twice = {"a.py": "class Place: ...\nclass _Own: ...", "b.py": "if x:\n    class Place: ...\nclass _Own: ..."}
    assert _twice(twice) == {"Place": ["a.py", "b.py"]}
    assert _twice({"a.py": "if x:\n    class Way: ...\nelse:\n    class Way: ..."}) == {}
