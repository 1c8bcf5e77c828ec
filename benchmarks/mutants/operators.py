"""Mutation operators: the single-line changes that can be made to a module. Pure: from source text to mutants."""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias


class Mutant(NamedTuple):
    """One line of a module, changed."""

    path: str
    """File, relative to the repository."""
    line: int
    """Its number, from 1."""
    inside: str
    """Qualified name of the function or class that holds the line; empty at the top of a module."""
    operator: str
    before: str
    """The whole line."""
    after: str
    nth: int
    """Which of the mutants that are otherwise equal inside one function, from 0."""

    @property
    def id(self) -> str:
        """Name it by what is changed, not by where: a module that moves keeps its mutants."""
        return self.rank("")[:10]

    def rank(self, seed: str) -> str:
        """Give its place in a drawing: hexadecimal digits that depend on the seed and on what is changed."""
        said = (seed, self.inside, self.operator, self.before.strip(), self.after.strip(), str(self.nth))
        return sha256("\0".join(said).encode()).hexdigest()


class _Edit(NamedTuple):
    """Bytes of one line, replaced."""

    operator: str
    line: int
    start: int
    end: int
    text: str

    @property
    def place(self) -> tuple[int, int]:
        """Where it begins."""
        return self.line, self.start


_COMPARISONS: Final[dict[type[ast.cmpop], tuple[tuple[str, str], ...]]] = {
    ast.Lt: (("boundary", "<="), ("negation", ">=")),
    ast.LtE: (("boundary", "<"), ("negation", ">")),
    ast.Gt: (("boundary", ">="), ("negation", "<=")),
    ast.GtE: (("boundary", ">"), ("negation", "<")),
    ast.Eq: (("negation", "!="),),
    ast.NotEq: (("negation", "=="),),
    ast.Is: (("negation", "is not"),),
    ast.IsNot: (("negation", "is"),),
    ast.In: (("negation", "not in"),),
    ast.NotIn: (("negation", "in"),),
}
_ARITHMETIC: Final[dict[type[ast.operator], tuple[str, str]]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}
_SIBLINGS: Final = {
    "min": "max", "max": "min", "any": "all", "all": "any", "startswith": "endswith", "endswith": "startswith",
    "lstrip": "rstrip", "rstrip": "lstrip", "find": "rfind", "rfind": "find", "index": "rindex", "rindex": "index",
    "union": "intersection", "intersection": "union", "partition": "rpartition", "rpartition": "partition",
}  # fmt: skip
"""Functions that are taken for each other."""

_TYPES: Final = {"bool", "bytes", "dict", "float", "frozenset", "int", "list", "object", "set", "str", "tuple"}

_LEFT_OUT: Final = (ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom)
"""An assertion states what holds anyway; text is for readers."""


def mutants(path: str, source: str) -> list[Mutant]:
    """List every mutant of a module, in the order of its lines.

    Whether one compiles, and differs in more than its looks, is asked with `differs`: that costs a parse of the module.
    """
    lines = source.encode().splitlines()
    found = []
    same: Counter[tuple[str, ...]] = Counter()
    for inside, edit in sorted(_edits(ast.parse(source), lines), key=lambda each: each[1].place):
        line = lines[edit.line - 1]
        before, after = line.decode(), (line[: edit.start] + edit.text.encode() + line[edit.end :]).decode()
        key = (inside, edit.operator, before.strip(), after.strip())
        found.append(Mutant(path, edit.line, inside, edit.operator, before, after, same[key]))
        same[key] += 1
    return found


def applied(mutant: Mutant, source: str) -> str:
    """Give the module's source with the mutant in it."""
    lines = source.encode().splitlines(keepends=True)
    line = lines[mutant.line - 1]
    end = line[len(line.rstrip(b"\r\n")) :]
    lines[mutant.line - 1] = mutant.after.encode() + end
    return b"".join(lines).decode()


def differs(mutant: Mutant, source: str) -> bool:
    """Whether the mutant compiles and is another program."""
    try:
        changed = ast.parse(applied(mutant, source))
    except SyntaxError:
        return False
    return ast.dump(changed) != ast.dump(ast.parse(source))


_Lines: TypeAlias = list[bytes]


def _edits(tree: ast.Module, lines: _Lines) -> Iterator[tuple[str, _Edit]]:
    """Walk what runs: annotations, decorators, class keywords, docstrings and texts are left as they are."""
    pending: list[tuple[str, ast.AST]] = [("", tree)]
    while pending:
        inside, node = pending.pop()
        if isinstance(node, _LEFT_OUT):
            continue
        if isinstance(node, _Named):
            inside = f"{inside}.{node.name}".lstrip(".")
        for rule in _RULES.get(type(node), ()):
            for edit in rule(node, lines):
                yield inside, edit
        pending += [(inside, child) for child in _children(node)]


_Named: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    skipped: tuple[object, ...] = ()
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            skipped = (*node.decorator_list, node.returns)
        case ast.ClassDef():
            skipped = (*node.decorator_list, *node.bases, *node.keywords)
        case ast.AnnAssign() | ast.arg():
            skipped = (node.annotation,)
        case ast.Call():
            # Lengths that the caller knows to be equal, compared once more.
            skipped = tuple(each for each in node.keywords if each.arg == "strict")
        case _:
            pass
    yield from (child for child in ast.iter_child_nodes(node) if not any(child is each for each in skipped))


def _on_one_line(node: ast.expr | ast.stmt) -> bool:
    return node.lineno == node.end_lineno


def _replaced(operator: str, node: ast.expr | ast.stmt, text: str) -> _Edit:
    assert node.end_col_offset is not None
    return _Edit(operator, node.lineno, node.col_offset, node.end_col_offset, text)


def _said(node: ast.expr, lines: _Lines) -> str:
    return lines[node.lineno - 1][node.col_offset : node.end_col_offset].decode()


def _between(left: ast.expr, right: ast.expr, sign: str, lines: _Lines) -> tuple[int, int] | None:
    """Find an operator between its operands. None: they are on several lines."""
    if left.end_lineno != right.lineno or left.end_col_offset is None:
        return None
    start = lines[right.lineno - 1].find(sign.encode(), left.end_col_offset, right.col_offset)
    return None if start < 0 else (start, start + len(sign))


def _compare(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    assert isinstance(node, ast.Compare)
    for left, sign, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
        written = _SIGNS[type(sign)]
        place = _between(left, right, written, lines)
        if place is not None:
            for operator, text in _COMPARISONS[type(sign)]:
                yield _Edit(operator, right.lineno, *place, text)


_SIGNS: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


def _boolean(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    assert isinstance(node, ast.BoolOp)
    sign, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    for left, right in zip(node.values, node.values[1:], strict=False):
        place = _between(left, right, sign, lines)
        if place is not None:
            yield _Edit("boolean", right.lineno, *place, other)


def _not(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    assert isinstance(node, ast.UnaryOp)
    if isinstance(node.op, ast.Not) and _on_one_line(node):
        yield _replaced("negation", node, f"({_said(node.operand, lines)})")
    if isinstance(node.op, ast.USub) and _on_one_line(node):
        yield _replaced("arithmetic", node, _said(node.operand, lines))


def _arithmetic(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    assert isinstance(node, ast.BinOp)
    if any(map(_is_no_number, (node.left, node.right))):
        return
    sign, other = _ARITHMETIC.get(type(node.op), ("", ""))
    place = _between(node.left, node.right, sign, lines) if sign else None
    if place is not None:
        yield _Edit("arithmetic", node.right.lineno, *place, other)


def _is_no_number(node: ast.expr) -> bool:
    """Whether it can be seen to be a text, a list or a type: those are put together, and nothing else."""
    match node:
        case ast.BinOp(left=left, right=right):
            return _is_no_number(left) or _is_no_number(right)
        case ast.Constant(value=value):
            return value is None or isinstance(value, str | bytes)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in _TYPES or (name[:1].isupper() and not name.isupper())
        case _:
            return isinstance(node, ast.JoinedStr | ast.List | ast.Tuple | ast.Dict | ast.Set)


def _augmented(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    assert isinstance(node, ast.AugAssign)
    sign, other = _ARITHMETIC.get(type(node.op), ("", ""))
    place = _between(node.target, node.value, f"{sign}=", lines) if sign else None
    if place is not None:
        yield _Edit("arithmetic", node.lineno, *place, f"{other}=")
    yield from _dropped(node, lines)


def _constant(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    del lines
    assert isinstance(node, ast.Constant)
    match node.value:
        case bool():
            yield _replaced("constant", node, str(not node.value))
        case int():
            yield _replaced("constant", node, str(node.value + 1))
            yield _replaced("constant", node, f"({node.value} - 1)" if node.value == 0 else str(node.value - 1))
        case float():
            yield _replaced("constant", node, repr(node.value * 1.5 if node.value else 0.5))
        case _:
            pass


def _condition(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    assert isinstance(node, ast.If | ast.While | ast.IfExp)
    test = node.test
    if _on_one_line(test) and not isinstance(test, ast.Compare | ast.Constant):
        yield _replaced("negation", test, f"(not ({_said(test, lines)}))")


def _filter(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    """Let a comprehension keep everything."""
    del lines
    assert isinstance(node, ast.comprehension)
    for test in node.ifs:
        if _on_one_line(test) and not any(isinstance(each, ast.NamedExpr) for each in ast.walk(test)):
            yield _replaced("filter", test, "True")


def _return(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    assert isinstance(node, ast.Return)
    if node.value is None:
        yield from _dropped(node, lines)


def _predicate(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    """Turn round what a function says that answers yes or no; a comparison is turned round by itself."""
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    if isinstance(node.returns, ast.Name) and node.returns.id == "bool":
        for each in _returns(node.body):
            if isinstance(each, ast.BoolOp | ast.Call | ast.Name | ast.Attribute) and _on_one_line(each):
                yield _replaced("return", each, f"(not ({_said(each, lines)}))")


def _returns(body: Sequence[ast.stmt]) -> Iterator[ast.expr]:
    """Give what a function returns, and not what functions inside it do."""
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value
        if not isinstance(node, _Named):
            pending += ast.iter_child_nodes(node)


def _dropped(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    """Leave a statement out."""
    del lines
    assert isinstance(node, ast.stmt)
    if _on_one_line(node):
        yield _replaced("dropped", node, "pass")


def _expression(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    assert isinstance(node, ast.Expr)
    if not isinstance(node.value, ast.Constant):
        yield from _dropped(node, lines)


def _assigned(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    """Leave out what is kept somewhere; a name that is never bound would be found by the type checker."""
    assert isinstance(node, ast.Assign)
    if any(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
        yield from _dropped(node, lines)


def _deleted(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    """Keep what is taken out of somewhere; a name that is forgotten was not wanted."""
    assert isinstance(node, ast.Delete)
    if not all(isinstance(target, ast.Name) for target in node.targets):
        yield from _dropped(node, lines)


def _jump(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    assert isinstance(node, ast.Break | ast.Continue)
    yield _replaced("jump", node, "continue" if isinstance(node, ast.Break) else "break")
    yield from _dropped(node, lines)


def _call(node: ast.AST, lines: _Lines) -> Iterator[_Edit]:
    """Call what it is taken for."""
    del lines
    assert isinstance(node, ast.Call)
    match node.func:
        case ast.Name(id="min" | "max" | "any" | "all" as name):
            yield _replaced("sibling", node.func, _SIBLINGS[name])
        case ast.Attribute(attr=name) if name in _SIBLINGS and node.func.end_col_offset is not None:
            line, end = node.func.end_lineno or node.func.lineno, node.func.end_col_offset
            yield _Edit("sibling", line, end - len(name), end, _SIBLINGS[name])
        case _:
            pass


_RULES: Final[dict[type[ast.AST], tuple[Callable[[ast.AST, _Lines], Iterator[_Edit]], ...]]] = {
    ast.Compare: (_compare,),
    ast.BoolOp: (_boolean,),
    ast.UnaryOp: (_not,),
    ast.BinOp: (_arithmetic,),
    ast.AugAssign: (_augmented,),
    ast.Constant: (_constant,),
    ast.If: (_condition,),
    ast.While: (_condition,),
    ast.IfExp: (_condition,),
    ast.comprehension: (_filter,),
    ast.Return: (_return,),
    ast.FunctionDef: (_predicate,),
    ast.AsyncFunctionDef: (_predicate,),
    ast.Expr: (_expression,),
    ast.Assign: (_assigned,),
    ast.Raise: (_dropped,),
    ast.Delete: (_deleted,),
    ast.Break: (_jump,),
    ast.Continue: (_jump,),
    ast.Call: (_call,),
}
