"""Taking out of a verifier's syntax tree every literal which could be an answer.

All are taken out but two kinds, and those only when the instruction holds them verbatim, so that they tell the
agent nothing it was not told: paths in the places where a program names a file, and keys of a subscript or of
``.get``. Nothing is kept in a container, a default, a decorator, an annotation or an assignment to a name like
EXPECTED; no path is kept in a comparison or an assertion's arguments, where it may be what is asked for.
"""

import ast
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, TypeVar, cast

from msgspec import Struct

from engine.policies.python_source import called_name, is_literal

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


_Node = TypeVar("_Node", bound=ast.AST)


class HiddenLiteral(Struct, frozen=True):
    """One thing taken out. Neither its value nor a digest is kept: that of a small number can be guessed."""

    line: int
    """Of the verifier's source, from 1."""
    kind: str
    """``number``, ``text``, ``value`` (a container or anything else), ``docstring`` or ``body``."""
    where: str
    """The function it stands in; ``module`` outside of any."""


class KeptLiteral(Struct, frozen=True):
    """One text left in, because the instruction holds it too."""

    line: int
    text: str
    where: str


class _Allow(StrEnum):
    NOTHING = "nothing"
    PATH = "path"
    NAME = "name"


class _Place(NamedTuple):
    allow: _Allow = _Allow.NOTHING
    compared: bool = False
    """A path may be the answer here."""
    sealed: bool = False
    """Anything may be the answer here."""


class LiteralRedactor:
    """Walks one tree, once. Its state is what it found."""

    def __init__(self, instruction: str) -> None:
        self.hidden: list[HiddenLiteral] = []
        self.kept: list[KeptLiteral] = []
        self._instruction = instruction
        self._place = _Place()
        self._where: list[str] = []

    def visit(self, node: ast.AST) -> ast.AST:
        """Take a literal out, or go down; what a parent allows holds for its direct children only."""
        place = self._place
        if isinstance(node, ast.expr) and is_literal(node):
            return self._literal(node, place)
        self._place = place._replace(allow=_Allow.NOTHING)
        handler = self._HANDLERS.get(type(node))
        result = self._generic(node) if handler is None else handler(self, node)
        self._place = place
        return result

    def _generic(self, node: ast.AST) -> ast.AST:
        """Go down into all fields."""
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                value[:] = [self.visit(each) if isinstance(each, ast.AST) else each for each in value]
            elif isinstance(value, ast.AST):
                setattr(node, field, self.visit(value))
        return node

    def _module(self, node: ast.Module) -> ast.AST:
        """The whole file."""
        node.body = self._body(node.body)
        return node

    def _statement(self, node: ast.Expr) -> ast.AST:
        """Drop docstrings and other literals which stand alone."""
        if is_literal(node.value):
            self._hide(node, "docstring")
            return ast.Pass()
        return self._generic(node)

    def _class(self, node: ast.ClassDef) -> ast.AST:
        """Keep the name; hide what decorates it."""
        self._where.append(node.name)
        node.decorator_list = [self._at(each, sealed=True) for each in node.decorator_list]
        node.body = self._body(node.body)
        self._where.pop()
        return node

    def _assign(self, node: ast.Assign) -> ast.AST:
        """A path may be given a name, unless the name says that it is the answer."""
        oracle = any(is_oracle(name) for target in node.targets for name in bound_names(target))
        node.targets = [self._at(each) for each in node.targets]
        node.value = self._at(node.value, _Allow.PATH, sealed=oracle)
        return node

    def _annotated_assign(self, node: ast.AnnAssign) -> ast.AST:
        """As an assignment; the annotation may hold answers of its own."""
        oracle = any(is_oracle(name) for name in bound_names(node.target))
        node.annotation = self._at(node.annotation, sealed=True)
        node.value = node.value and self._at(node.value, _Allow.PATH, sealed=oracle)
        return node

    def _parameter(self, node: ast.arg) -> ast.AST:
        """Annotations of parameters."""
        node.annotation = node.annotation and self._at(node.annotation, sealed=True)
        return node

    def _compare(self, node: ast.Compare) -> ast.AST:
        """What something is compared with is what it should be."""
        node.left = self._at(node.left, compared=True)
        node.comparators = [self._at(each, compared=True) for each in node.comparators]
        return node

    def _subscript(self, node: ast.Subscript) -> ast.AST:
        """A key names a field."""
        node.value = self._at(node.value)
        node.slice = self._at(node.slice, _Allow.NAME)
        return node

    def _operation(self, node: ast.BinOp) -> ast.AST:
        """The right side of ``folder / "file"``."""
        node.left = self._at(node.left)
        node.right = self._at(node.right, _Allow.PATH if isinstance(node.op, ast.Div) else _Allow.NOTHING)
        return node

    def _call(self, node: ast.Call) -> ast.AST:
        """Arguments that name a file or a field."""
        name = called_name(node)
        allow = _Allow.NOTHING
        if opens_files(name):
            allow = _Allow.PATH
        elif name == "get":
            allow = _Allow.NAME
        asserts = "assert" in name.lower()
        node.func = self._at(node.func)
        node.args = [
            self._at(each, allow if index == 0 or allow is _Allow.PATH else _Allow.NOTHING, compared=asserts)
            for index, each in enumerate(node.args)
        ]
        node.keywords = [self._at(each, compared=asserts) for each in node.keywords]
        return node

    def _match_singleton(self, node: ast.MatchSingleton) -> ast.AST:
        """``case True`` is no expression."""
        self._hide(node, "value")
        return ast.MatchAs()

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        """Keep the name; hide defaults and decorators; empty the body of an oracle."""
        node.decorator_list = [self._at(each, sealed=True) for each in node.decorator_list]
        node.args = self._at(node.args, sealed=True)
        node.returns = node.returns and self._at(node.returns, sealed=True)
        self._where.append(node.name)
        if is_oracle(node.name) and not speaks_of(node.name):
            self._hide(node, "body")
            node.body = [ast.Expr(ast.Constant(...))]
        else:
            node.body = self._body(node.body)
        self._where.pop()
        return node

    def _container(self, node: ast.AST) -> ast.AST:
        """A container which is no literal may hold some, its keys included."""
        place, self._place = self._place, self._place._replace(sealed=True)
        self._generic(node)
        self._place = place
        return node

    def _body(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        found = [each for each in map(self.visit, statements) if isinstance(each, ast.stmt)]
        return [each for each in found if not isinstance(each, ast.Pass)] or [ast.Pass()]

    def _at(
        self, node: _Node, allow: _Allow = _Allow.NOTHING, *, compared: bool = False, sealed: bool = False
    ) -> _Node:
        """Visit one child in its place. An expression stays an expression, so the type does."""
        outer = self._place
        self._place = _Place(allow, outer.compared or compared, outer.sealed or sealed)
        result = self.visit(node)
        self._place = outer
        return cast("_Node", result)

    def _literal(self, node: ast.expr, place: _Place) -> ast.expr:
        if isinstance(node, ast.Constant) and (node.value is None or node.value is ...):
            return node
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and self._may_stay(node.value, place):
            self.kept.append(KeptLiteral(node.lineno, node.value, self._here()))
            return node
        if _is_empty(node) and not (place.compared or place.sealed):
            return node
        kind = literal_kind(node)
        self._hide(node, kind)
        return ast.Name(f"hidden_{kind}", ast.Load())

    def _may_stay(self, text: str, place: _Place) -> bool:
        if place.sealed or not said_in(text, self._instruction):
            return False
        match place.allow:
            case _Allow.NOTHING:
                return False
            case _Allow.PATH:
                return path_like(text) and not place.compared
            case _Allow.NAME:
                return True

    def _hide(self, node: ast.AST, kind: str) -> None:
        line = getattr(node, "lineno", 1)
        self.hidden.append(HiddenLiteral(line, kind, self._here()))

    def _here(self) -> str:
        return ".".join(self._where) or "module"

    _HANDLERS: ClassVar[dict[type[ast.AST], Callable[["LiteralRedactor", Any], ast.AST]]] = {
        ast.Module: _module,
        ast.Expr: _statement,
        ast.ClassDef: _class,
        ast.Assign: _assign,
        ast.AnnAssign: _annotated_assign,
        ast.arg: _parameter,
        ast.Compare: _compare,
        ast.Subscript: _subscript,
        ast.BinOp: _operation,
        ast.Call: _call,
        ast.MatchSingleton: _match_singleton,
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.List: _container,
        ast.Tuple: _container,
        ast.Set: _container,
        ast.Dict: _container,
    }


def _is_empty(node: ast.expr) -> bool:
    """An empty list, tuple or dict: a beginning where it is assigned, an answer where it is compared with."""
    return ast.unparse(node) in {"[]", "()", "{}"}
