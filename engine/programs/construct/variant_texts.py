"""Texts of tasks, as far as a variant and its original are compared by them; pure."""

import ast
from collections.abc import Iterator
from typing import Final

from engine.policies.python_source import PythonFault, called_name, parse_python

_SHORTEST: Final = 12
"""Characters of a text that does not come about twice by chance."""
_SHORTEST_ROW: Final = 6
_FEWEST_ROWS: Final = 3
_EXPECTED: Final = ("expect", "answer", "want", "gold", "truth", "correct")
"""In the name of a variable that holds what a test expects."""
_NEAR: Final = frozenset({"isclose", "approx", "assertEqual", "assertAlmostEqual"})
_COMMON: Final = frozenset({"0", "1", "0.0", "1.0", "''"})
"""Constants that tests of all kinds compare with."""


def settled(text: str) -> str:
    """Leave out of a text what an editor may change: line ends, and spaces at the ends of lines."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def rows_in(text: str) -> frozenset[str]:
    """Collect the lines of a text that say something, in whichever order they stand; the first may be a header."""
    return frozenset(row for row in map(str.strip, text.splitlines()[1:]) if len(row) >= _SHORTEST_ROW)


def rows_shared(rows: frozenset[str], text: str) -> int:
    """Count the rows that a text brings back, if that are most of them, and more than come about by chance; else 0."""
    shared = len(rows & frozenset(map(str.strip, text.splitlines())))
    return shared if shared >= _FEWEST_ROWS and 2 * shared >= len(rows) else 0


def same_program(source: str, other: str) -> bool:
    """Say whether two programs differ in comments and layout alone. What is no Python equals nothing."""
    one, two = parse_python(source), parse_python(other)
    if isinstance(one, PythonFault) or isinstance(two, PythonFault) or not one.body:
        return False
    return ast.dump(one) == ast.dump(two)


def texts_in(source: str) -> frozenset[str]:
    """Collect longer strings of a program, settled."""
    found = {settled(each) for each in map(_constant, _nodes(source)) if isinstance(each, str)}
    return frozenset(each for each in found if len(each) >= _SHORTEST)


def expected_in(source: str) -> frozenset[str]:
    """Collect the constants that a test compares with, or holds in a variable named after what is right."""
    return frozenset(repr(each) for node in _nodes(source) for each in _expected(node)) - _COMMON


def _nodes(source: str) -> Iterator[ast.AST]:
    tree = parse_python(source)
    if not isinstance(tree, PythonFault):
        yield from ast.walk(tree)


def _expected(node: ast.AST) -> Iterator[object]:
    match node:
        case ast.Compare(left=left, ops=ops, comparators=sides) if any(isinstance(each, ast.Eq) for each in ops):
            values = [left, *sides]
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if any(part in name.lower() for part in _EXPECTED):
            values = [value]
        case ast.Call(args=args) if called_name(node) in _NEAR:
            values = args
        case ast.Call(args=[ast.BinOp(op=ast.Sub(), left=left, right=right)]) if called_name(node) == "abs":
            values = [left, right]
        case _:
            return
    for side in values:
        yield from _literals(side)


def _literals(node: ast.expr) -> Iterator[object]:
    """Walk through what is written out; a key or an index in a subscript is none of it."""
    match node:
        case ast.Constant(value=value) if not isinstance(value, bool | None):
            yield value
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.Dict(values=parts):
            for each in parts:
                yield from _literals(each)
        case ast.UnaryOp(operand=operand):
            yield from _literals(operand)
        case _:
            return


def _constant(node: ast.AST) -> object:
    return node.value if isinstance(node, ast.Constant) else None
