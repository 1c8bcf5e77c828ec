"""The shape of a run's specification: which keys there are, what each holds and what it means.

Everything here is read from `engine.spec` itself, the texts below its fields included, so that the reference,
the commented spec and what is accepted cannot drift apart.
"""

import ast
import inspect as python
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, NamedTuple

import msgspec
from msgspec import inspect

import engine.spec
from engine.spec import RunSpec

Path = tuple[str, ...]
"""Parts of a key: ``agent.max_turns`` is ("agent", "max_turns")."""

_OPEN_NAMES: Final = {"models": "<role>", "prices": "<model>", "shadows": "<name>", "parameters": "<parameter>"}
"""What stands for the names that a user gives, by the table that holds them."""


class Key(NamedTuple):
    """One key of the specification."""

    path: Path
    """With placeholders, such as ("models", "<role>", "model")."""
    kind: inspect.Type
    default: object
    """``msgspec.NODEFAULT``: it must be given, wherever its table is."""
    doc: str
    """The text below its field; empty if its name says all."""

    @property
    def name(self) -> str:
        """The key as people write it."""
        return ".".join(self.path)


@cache
def root() -> inspect.StructType:
    """Give the shape of the whole specification."""
    shape = inspect.type_info(RunSpec)
    assert isinstance(shape, inspect.StructType)
    return shape


def keys() -> tuple[Key, ...]:
    """List every key, tables left out, in the order of the specification."""
    return tuple(_keys(root(), ()))


def _keys(table: inspect.StructType, path: Path) -> Iterator[Key]:
    for field in table.fields:
        here = (*path, field.name)
        doc = field_docs()[table.cls.__name__].get(field.name, "")
        match field.type:
            case inspect.StructType():
                yield from _keys(field.type, here)
            case inspect.DictType(value_type=inspect.StructType() as value):
                yield from _keys(value, (*here, _OPEN_NAMES[field.name]))
            case inspect.DictType(value_type=value):
                yield Key((*here, _OPEN_NAMES[field.name]), value, None, doc)
            case kind:
                yield Key(here, kind, field.default, doc)


def pattern(path: Path) -> Path:
    """Put placeholders where a user's own names stand: ("models", "teacher") is ("models", "<role>")."""
    parts: list[str] = []
    for index, part in enumerate(path):
        before = path[index - 1] if index else ""
        # A shadow may be called "parameters" too: a placeholder is never followed by another.
        open_before = before in _OPEN_NAMES and parts[index - 1] == before
        parts.append(_OPEN_NAMES[before] if open_before else part)
    return tuple(parts)


def dotted(path: Path) -> str:
    """Write a key as TOML does, quoting the names that need it."""
    bare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_<>"
    return ".".join(part if part and all(each in bare for each in part) else f'"{part}"' for part in path)


def names_of(kind: inspect.DictType) -> tuple[str, ...] | None:
    """List the names a table may hold. None: any."""
    match kind.key_type:
        case inspect.LiteralType(values=values):
            return tuple(str(each) for each in values)
        case _:
            return None


@cache
def field_docs() -> Mapping[str, Mapping[str, str]]:
    """Read the text below each field of each class, and of each class under the empty name."""
    module = ast.parse(python.getsource(engine.spec))
    return {node.name: _docs_of(node) for node in module.body if isinstance(node, ast.ClassDef)}


def _docs_of(node: ast.ClassDef) -> dict[str, str]:
    docs = {"": ast.get_docstring(node) or ""}
    for before, after in zip(node.body, node.body[1:], strict=False):
        match before, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                docs[name] = " ".join(python.cleandoc(text).split()).replace("``", "`")
            case _:
                pass
    return docs


REQUIRED: Final = msgspec.NODEFAULT
"""The default of a key that has none."""
