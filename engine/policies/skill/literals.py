"""The constants of a verifier by which a leak into a skill is found; source: SPARK, 13.6 and 13.7.

Only those which can be told from chance: numbers with at least three significant digits, texts of at least six
characters. An answer like ``23`` or ``B`` cannot be found this way, and nobody should think it can.
"""

import ast
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from engine.policies.python_source import PythonFault, called_name, parse_python

_TALK = frozenset({"fail", "skip", "skipif", "xfail", "print", "warn", "info", "debug", "warning", "error"})


class VerifierLiterals(Struct, frozen=True):
    """Values which a skill must not hold. Not for the log: they are the answers."""

    numbers: tuple[str, ...] = ()
    """As written, sorted; at least three significant digits."""
    texts: tuple[str, ...] = ()
    """Sorted; at least six characters."""


def verifier_literals(test_source: str) -> VerifierLiterals | PythonFault:
    """Collect the telling constants of a verifier, leaving out what it only says to people."""
    tree = parse_python(test_source)
    if isinstance(tree, PythonFault):
        return tree
    constants = [node.value for node in _spoken_for(tree)]
    numbers = {str(each) for each in constants if isinstance(each, int | float) and not isinstance(each, bool)}
    texts = {each.strip() for each in constants if isinstance(each, str)}
    return VerifierLiterals(
        numbers=tuple(sorted(each for each in numbers if significant_digits(each) >= 3)),
        texts=tuple(sorted(each for each in texts if len(each) >= 6)),
    )


def significant_digits(number: str) -> int:
    """How many digits matter: leading and trailing zeros do not. 0 when it is no finite number."""
    try:
        value = Decimal(number)
    except InvalidOperation:
        return 0
    if not value.is_finite() or value.is_zero():
        return 0
    return len("".join(map(str, value.as_tuple().digits)).strip("0"))


def _spoken_for(tree: ast.Module) -> list[ast.Constant]:
    """Constants, without docstrings, messages and the fixed parts of formatted strings."""
    found: list[ast.Constant] = []
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Constant):
            found.append(node)
        else:
            todo.extend(_telling_children(node))
    return found


def _telling_children(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.Assert():
            return [node.test]
        case ast.Raise() | ast.JoinedStr() | ast.Expr(value=ast.Constant()):
            return []
        case ast.Call() if called_name(node) in _TALK:
            return []
        case _:
            return list(ast.iter_child_nodes(node))
