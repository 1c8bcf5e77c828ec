"""The shape of a run's specification: which keys there are, what each holds and what it means.

Everything here is read from `engine.config.spec` itself, the texts below its fields included, so that the reference,
the commented spec and what is accepted cannot drift apart.
"""

import ast
import inspect as python
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, NamedTuple

import msgspec
from msgspec import inspect

from engine.config.program_registry import program_named, program_names, usable_programs
from engine.config.spec import RunSpec
from engine.core.methods import SPARK, method_named, method_names, usable_methods

Path = tuple[str, ...]
"""Parts of a key: ``agent.max_turns`` is ("agent", "max_turns")."""

_DOT: Final = re.compile(r'\.(?=(?:[^"]*"[^"]*")*[^"]*$)')
"""A dot with an even number of quotes behind it."""
_OPEN_NAMES: Final = {
    "models": "<role>",
    "prices": "<model>",
    "shadows": "<name>",
    "set": "<key>",
    "grid": "<axis>",
    "resolved": "<arm>",
    "custom": "<arm>",
    "change": "<key>",
}
"""What stands for the names that a user gives, by the table that holds them; for others, ``<arm>`` for ``arms``."""


class ConfigKey(NamedTuple):
    """One key of the specification."""

    path: Path
    """With placeholders, such as ("models", "<role>", "model")."""
    kind: inspect.Type
    default: object
    """``msgspec.NODEFAULT``: it must be given, wherever its table is."""
    doc: str
    """The text below its field; empty if its name says all."""
    is_path: bool = False
    """Whether it names a file or a folder: its class lists the field in ``path_keys``."""
    is_source: bool = False
    """Whether it names sources of skills: its class lists the field in ``source_keys``."""

    @property
    def name(self) -> str:
        """The key as people write it."""
        return ".".join(self.path)


def root() -> inspect.StructType:
    """Give the shape of the whole specification: with what every installed program and method adds that can be used.

    The name of one that is broken is a name as any other: what it lacks is said to whoever names it.
    """
    return _root(tuple(usable_programs()), tuple(usable_methods()))


@cache
def _root(programs: tuple[str, ...], methods: tuple[str, ...]) -> inspect.StructType:
    del methods
    shape = _struct(RunSpec)
    fields = [_field(field) for field in shape.fields if field.name != "own"]
    fields += [_table_field(name, _struct(program_named(name).spec)) for name in programs]
    return inspect.StructType(RunSpec, tuple(fields), forbid_unknown_fields=True)


def _field(field: inspect.Field) -> inspect.Field:
    """Give a key as it is accepted: what methods and programs that are installed add is part of it."""
    match field.name:
        case "program":
            return _choice(field, program_names())
        case "method":
            return _table_field("method", _all_methods())
        case "models":
            assert isinstance(field.type, inspect.DictType)
            roles = sorted({role for each in usable_programs().values() for role in each.roles}, key=_by_age)
            kind = inspect.DictType(inspect.LiteralType(tuple(roles)), field.type.value_type)
            return inspect.Field("models", "models", kind, required=False, default_factory=dict)
        case _:
            return field


def _choice(field: inspect.Field, names: tuple[str, ...]) -> inspect.Field:
    return inspect.Field(field.name, field.name, inspect.LiteralType(names), required=False, default=field.default)


def _by_age(role: str) -> tuple[int, str]:
    """Have the roles of exploring first, in the order in which they speak."""
    first = ("teacher", "reflector", "distiller")
    return (first.index(role), role) if role in first else (len(first), role)


def _table_field(name: str, shape: inspect.StructType) -> inspect.Field:
    return inspect.Field(name, name, shape, required=False, default_factory=shape.cls)


def _all_methods() -> inspect.StructType:
    """Give every key that a method takes; which of them the named one takes is checked when all is known."""
    shapes = [_struct(each.settings) for each in usable_methods().values()]
    fields = {field.name: field for shape in reversed(shapes) for field in shape.fields}
    fields["name"] = _choice(fields["name"], method_names())
    ordered = dict.fromkeys(field.name for shape in shapes for field in shape.fields)
    return inspect.StructType(shapes[0].cls, tuple(fields[name] for name in ordered), forbid_unknown_fields=True)


def _struct(cls: type[msgspec.Struct]) -> inspect.StructType:
    shape = inspect.type_info(cls)
    assert isinstance(shape, inspect.StructType)
    return shape


def keys() -> tuple[ConfigKey, ...]:
    """List every key, tables left out, in the order of the specification."""
    return _all_keys(tuple(usable_programs()), tuple(usable_methods()))


@cache
def _all_keys(programs: tuple[str, ...], methods: tuple[str, ...]) -> tuple[ConfigKey, ...]:
    """List them once: each specification that is read asks for them several times."""
    return tuple(_keys(_root(programs, methods), ()))


def _keys(table: inspect.StructType, path: Path) -> Iterator[ConfigKey]:
    for field in table.fields:
        here = (*path, field.name)
        doc = _doc_of(table.cls, field.name)
        match field.type:
            case inspect.StructType():
                yield from _keys(field.type, here)
            case inspect.DictType(value_type=inspect.StructType() as value):
                yield from _keys(value, (*here, _open_name(field.name)))
            case inspect.DictType(value_type=value):
                yield ConfigKey((*here, _open_name(field.name)), value, None, doc)
            case kind:
                named = (field.name in getattr(table.cls, each, ()) for each in ("path_keys", "source_keys"))
                yield ConfigKey(here, kind, field.default, doc, *named)


def pattern(path: Path) -> Path:
    """Put placeholders where a user's own names stand: ("models", "teacher") is ("models", "<role>")."""
    parts: list[str] = []
    kind: inspect.Type | None = root()
    for part in path:
        match kind:
            case inspect.DictType(value_type=value):
                parts.append(_open_name(parts[-1]))
                kind = value
            case inspect.StructType(fields=fields):
                parts.append(part)
                kind = next((field.type for field in fields if field.name == part), None)
            case _:
                parts.append(part)
                kind = None
    return tuple(parts)


def _open_name(table: str) -> str:
    """Give what stands for the names that a user gives in a table."""
    return _OPEN_NAMES.get(table, f"<{table.removesuffix('s')}>")


def dotted(path: Path) -> str:
    """Write a key as TOML does, quoting the names that need it."""
    bare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_<>"
    return ".".join(part if part and all(each in bare for each in part) else f'"{part}"' for part in path)


def split_key(text: str) -> Path:
    """Read a key as TOML writes it: parts at dots, except within double quotes, such as ``prices."gpt-4.1".input``."""
    parts = [part.strip() for part in _DOT.split(text)]
    return tuple(part[1:-1] if len(part) > 1 and part[0] == part[-1] == '"' else part for part in parts)


def names_of(kind: inspect.DictType) -> tuple[str, ...] | None:
    """List the names a table may hold. None: any."""
    match kind.key_type:
        case inspect.LiteralType(values=values):
            return tuple(str(each) for each in values)
        case _:
            return None


def _doc_of(cls: type, field: str) -> str:
    """Give the text below a field; of a key that only some methods take, that of the first which takes it."""
    if cls is method_named(SPARK).settings:
        docs = (field_docs(each.settings) for each in usable_methods().values())
        return next((each[field] for each in docs if field in each), "")
    return field_docs(cls).get(field, "")


@cache
def field_docs(cls: type) -> Mapping[str, str]:
    """Read the text below each field of a class, and that of the class under the empty name."""
    try:
        module = ast.parse(python.getsource(sys.modules[cls.__module__]))
    except (OSError, TypeError):
        return {"": cls.__doc__ or ""}
    found = (each for each in module.body if isinstance(each, ast.ClassDef) and each.name == cls.__name__)
    return next((_docs_of(each) for each in found), {"": cls.__doc__ or ""})


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
