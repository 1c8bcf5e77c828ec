"""Small enough to read: a module is one idea, a function one step. Exceptions are written down, with their reason."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import modules, named, shipped

LONGEST_FILE: Final = 500
LONGEST_FUNCTION: Final = 45

LONG_FILES: Final[dict[str, str]] = {}
"""Files over the limit, each with the reason why it is better whole."""

LONG_FUNCTIONS: Final[dict[str, str]] = {}
"""Functions over the limit, as ``file::name``, each with its reason."""


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines, its docstring left out: saying more about a promise is never too long."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def test_files_fit_a_few_screens() -> None:
    """A long file hides a second idea; and an exception that is no longer needed is taken off the list."""
    long = {named(path) for path in modules() if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE}
    assert long == set(LONG_FILES)


@pytest.mark.slow
def test_functions_fit_a_screen() -> None:
    """A long function hides a second step; and an exception that is no longer needed is taken off the list."""
    long = {
        f"{named(path)}::{node.name}"
        for path in modules()
        for node in _functions(path)
        if _length(node) > LONGEST_FUNCTION
    }
    assert long == set(LONG_FUNCTIONS)


@pytest.mark.slow
def test_every_module_says_what_it_is_for() -> None:
    """A reader should not have to infer a module's idea from its code."""
    silent = [
        named(path) for path in modules() if ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]
    assert silent == []


@pytest.mark.slow
def test_everything_public_says_what_it_promises() -> None:
    """Classes and functions that others may call carry a docstring, whatever the linter is told to overlook."""
    silent = [
        f"{named(path)}::{node.name}"
        for path in shipped()
        for node in _reachable(ast.parse(path.read_text(encoding="utf-8")))
        if not node.name.startswith("_") and ast.get_docstring(node) is None
    ]
    assert silent == []


def _reachable(node: ast.Module | ast.ClassDef) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """What can be called from outside: a function inside a function is a step of it, and its name says enough."""
    for each in node.body:
        if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield each
        if isinstance(each, ast.ClassDef) and not each.name.startswith("_"):
            yield from _reachable(each)


def test_no_module_is_a_drawer() -> None:
    """A module named for nothing collects everything."""
    drawers = {"utils", "util", "helpers", "common", "misc", "manager", "base_utils"}
    assert [named(path) for path in modules() if path.stem in drawers] == []
