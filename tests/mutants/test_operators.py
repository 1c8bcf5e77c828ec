"""Mutation operators: which single-line changes are made to a module, and how each is named."""

import ast
from pathlib import Path

import pytest

from benchmarks.mutants.operators import applied, differs, mutants

ROOT = Path(__file__).parents[2]


def _made(source: str) -> set[tuple[str, str]]:
    """Give the changed lines, with the operator of each."""
    return {(each.operator, each.after.strip()) for each in mutants("a.py", source)}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x < y", {("boundary", "x <= y"), ("negation", "x >= y"), ("dropped", "pass")}),
        ("x >= y", {("boundary", "x > y"), ("negation", "x < y"), ("dropped", "pass")}),
        ("x == y", {("negation", "x != y"), ("dropped", "pass")}),
        ("x is not y", {("negation", "x is y"), ("dropped", "pass")}),
        ("x not in y", {("negation", "x in y"), ("dropped", "pass")}),
        ("x = a and b", {("boolean", "x = a or b")}),
        ("x = not a", {("negation", "x = (a)")}),
        ("x = -a", {("arithmetic", "x = a")}),
        ("x = a // b", {("arithmetic", "x = a * b")}),
        ("x += a", {("arithmetic", "x -= a"), ("dropped", "pass")}),
        ("x = 1", {("constant", "x = 2"), ("constant", "x = 0")}),
        ("x = True", {("constant", "x = False")}),
        ("x = 0.4", {("constant", "x = 0.6000000000000001")}),
        ("x = [y for y in z if y]", {("filter", "x = [y for y in z if True]")}),
        ("x = a if b else c", {("negation", "x = a if (not (b)) else c")}),
        ("x = min(a)", {("sibling", "x = max(a)")}),
        ("x = a.find(b)", {("sibling", "x = a.rfind(b)")}),
        ("x = find(a)", set()),
        ("x = a + 'b' + c", set()),
        ("x = [a] + b", set()),
        ("x = A | None", set()),
        ("x = int | float", set()),
        ("del x", set()),
        ("del x[y]", {("dropped", "pass")}),
        ("x = Kind | b.Other", set()),
        ("x = a | MASK", {("arithmetic", "x = a & MASK")}),
        ("x = [y for y in z if (w := y)]", set()),
        ("x.y = a", {("dropped", "pass")}),
        ("x = zip(a, b, strict=True)", set()),
        ("x: Literal[1] = a", set()),
        ("assert x < 3", set()),
        ("x = f'{1 + 2}'", set()),
        ("import a", set()),
    ],
)
def test_a_line_is_changed_in_these_ways(line: str, expected: set[tuple[str, str]]) -> None:
    """What is no decision of the program, such as an annotation or a text for readers, is left alone."""
    assert _made(f"{line}\n") == expected


def test_statements_that_leave_early_are_dropped_or_taken_for_each_other() -> None:
    """A loop that goes on, a guard that lets through, an error that nobody raises."""
    source = "def f():\n    for a in b:\n        if a: break\n        raise a\n    return\n"
    assert {("jump", "if a: continue"), ("dropped", "if a: pass"), ("dropped", "pass")} <= _made(source)
    assert [each.line for each in mutants("a.py", source) if each.after == "    pass"] == [5]


def test_an_answer_of_yes_or_no_is_turned_round() -> None:
    """Where the function says that it gives a bool: elsewhere a type would be wrong, which anything finds."""
    assert _made("def f() -> bool:\n    return g(x)\n") == {("return", "return (not (g(x)))")}
    assert _made("def f() -> int:\n    return g(x)\n") == set()
    assert ("return", "return (not (a and b))") in _made("def f() -> bool:\n    if c:\n        return a and b\n")
    assert _made("def f() -> bool:\n    def g():\n        return h(x)\n") == set()


def test_decorators_class_keywords_and_docstrings_stay() -> None:
    """They say what a thing is, not what it does."""
    source = '@a(1)\nclass C(B, frozen=True):\n    """Of 1."""\n\n    x: int = 1\n'
    assert _made(source) == {("constant", "x: int = 2"), ("constant", "x: int = 0")}


def test_a_mutant_is_one_line_and_the_rest_of_the_file_is_as_it_was() -> None:
    """Line ends, other letters than ASCII before the place, and a last line without an end."""
    source = "# ä\r\nx = 'ä', 1\r\ny = 2"
    found = mutants("a.py", source)
    assert applied(found[0], source) == "# ä\r\nx = 'ä', 2\r\ny = 2"
    assert applied(found[-1], source) == "# ä\r\nx = 'ä', 1\r\ny = 1"


def test_what_is_spread_over_lines_is_left() -> None:
    """A mutant is one line, so that it can be read."""
    assert _made("x = (a <\n     b)\n") == set()


def test_a_mutant_keeps_its_name_where_its_module_moves() -> None:
    """It is named by its function and its text; two that read alike in one function are told apart."""
    source = "def f(a):\n    return a < 1\n\n\ndef g(a):\n    x = a < 1\n    x = a < 1\n"
    moved = [each.id for each in mutants("b/c.py", "\n\n" + source)]
    here = [each.id for each in mutants("a.py", source)]
    assert moved == here
    assert len(set(here)) == len(here)
    assert {each.inside for each in mutants("a.py", source)} == {"f", "g"}
    method = "class C:\n    def f(self) -> bool:\n        return g(x)\n"
    assert [each.inside for each in mutants("a.py", method)] == ["C.f"]


def test_a_mutant_that_is_the_same_program_or_none_is_known() -> None:
    """Neither can be killed."""
    source = "def f():\n    for a in b:\n        pass\n        x.y = a\n        continue\n"
    other = next(each for each in mutants("a.py", source) if each.operator == "jump")
    assert differs(other, source)
    assert not differs(other._replace(after="        continue  # the same"), source)
    assert not differs(other._replace(after="        x = = y"), source)


def test_every_mutant_of_this_project_is_another_line() -> None:
    """Whatever is written here can be mutated: no operator gives the line itself."""
    for path in sorted((ROOT / "projections").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for each in mutants(path.name, source):
            assert each.before != each.after
            assert each.before == source.splitlines()[each.line - 1]
        ast.parse(source)
