"""Which names and texts of a verifier matter to its redaction; source: SPARK, 2.3, widened (W5)."""

import ast
import re
from collections.abc import Iterator

_ORACLE_WORDS = frozenset(
    {
        *("answer", "answers", "correct", "expect", "expected", "gold", "golden", "ground", "oracle", "ref"),
        *("reference", "solution", "solutions", "solve", "solver", "target", "targets", "truth"),
    }
)
_CHECK_WORDS = frozenset({"test", "check", "assert", "validate", "verify"})
_OPENERS = frozenset({"open", "Path", "PurePath", "PurePosixPath", "join", "exists", "isfile", "isdir"})
_PATH_LIKE = re.compile(r"(?=.*[/.])[\w.+~/-]+")
_WORD_BORDER = re.compile(r"[_\W]+|(?<=[a-z0-9])(?=[A-Z])")


def is_oracle(name: str) -> bool:
    """Whether a name says that it holds or computes the answer."""
    return not _ORACLE_WORDS.isdisjoint(_words(name))


def speaks_of(name: str) -> bool:
    """Whether a function of this name checks an answer rather than computing one."""
    return next(iter(_words(name)), "") in _CHECK_WORDS


def opens_files(called: str) -> bool:
    """Whether the arguments of a call are likely to name a file."""
    return called in _OPENERS or called.startswith(("read_", "load"))


def path_like(text: str) -> bool:
    """Whether a text looks like a path or a file name."""
    return _PATH_LIKE.fullmatch(text) is not None


def said_in(text: str, instruction: str) -> bool:
    """Whether the instruction holds a text as a whole word."""
    return bool(text) and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", instruction) is not None


def literal_kind(node: ast.expr) -> str:
    """``number``, ``text`` or ``value``."""
    match node:
        case ast.Constant(value=bool()):
            return "value"
        case ast.Constant(value=int() | float() | complex()):
            return "number"
        case ast.Constant(value=str()) | ast.JoinedStr():
            return "text"
        case ast.UnaryOp():
            return literal_kind(node.operand)
        case ast.BinOp():
            return literal_kind(node.left)
        case _:
            return "value"


def bound_names(tree: ast.AST) -> Iterator[str]:
    """Names which a tree defines: functions, classes, parameters, variables, attributes it sets."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case _:
                pass


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD_BORDER.split(name) if word]
