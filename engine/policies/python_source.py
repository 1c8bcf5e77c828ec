"""Reading Python which somebody else wrote, without running it and without ever raising."""

import ast
import warnings
from textwrap import dedent

from msgspec import Struct

_MAX_BITS = 14_000
"""Python itself refuses to write integers of more than 4,300 digits, and reads longer ones only in hexadecimal."""


class PythonFault(Struct, frozen=True):
    """A text that is not Python."""

    problem: str
    line: int | None
    """From 1; None when the parser names no line."""


def parse_python(source: str) -> ast.Module | PythonFault:
    """Parse a module. Common indentation is forgiven, as code under a list item has it.

    The parser warns of odd escapes in the text; that is the author's matter, not our caller's.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(dedent(source))
    except SyntaxError as error:
        return PythonFault(error.msg, error.lineno)
    except (ValueError, RecursionError, MemoryError) as error:
        return PythonFault(str(error) or "too deeply nested to parse", None)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value.bit_length() > _MAX_BITS:
            return PythonFault("an integer is too long to be written out", node.lineno)
    return tree


def is_literal(node: ast.expr) -> bool:
    """Whether an expression is made of constants only, so that its source is its value.

    Strings with fields in them count: what stands between the fields is a constant, and often the answer.
    """
    match node:
        case ast.UnaryOp(operand=operand):
            return is_literal(operand)
        case ast.BinOp(left=left, right=right):
            return is_literal(left) and is_literal(right)
        case ast.List(ctx=ast.Store() | ast.Del()) | ast.Tuple(ctx=ast.Store() | ast.Del()):
            return False
        case ast.List() | ast.Tuple() | ast.Set():
            return all(map(is_literal, node.elts))
        case ast.Dict():
            return all(key is not None and is_literal(key) for key in node.keys) and all(map(is_literal, node.values))
        case _:
            return type(node).__name__ in {"Constant", "JoinedStr", "TemplateStr"}


def called_name(node: ast.Call) -> str:
    """The last part of what is called: ``join`` for ``os.path.join(...)``; empty when it has no name."""
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
