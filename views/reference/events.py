"""``docs/events.md``: every event, generated from the classes that define them."""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Final, get_args

import msgspec

from events.base import Event
from events.catalog import AnyEvent
from events.upcast import LIFTS, TODAY

_HEAD: Final = """\
# Events

Every event of the log, by its tag. Generated from the classes in `events/types` by `make docs`, checked by the tests.

Streams are named relative to their run: `run`, `session`, `trial/<name>`, `attempt/<trial>/<n>`,
`call/<trial>/<n>/<k>`. A `Digest` is the SHA-256 of a blob, which is stored beside the events; a `Fingerprint` is the
SHA-256 of bytes that are not stored. A tag is for life: a changed shape gets a new tag.
"""


def event_docs() -> str:
    """Write the page."""
    return "\n".join([_HEAD, *_index(), "", *_described(events()), *_outgrown()]).rstrip("\n") + "\n"


def events() -> tuple[type[Event], ...]:
    """List every event class, family by family."""
    classes: tuple[type[Event], ...] = get_args(AnyEvent)
    return classes


def _tag(event: type[Event]) -> str:
    return str(event.__struct_config__.tag)


def _index() -> Iterator[str]:
    yield "| tag | meaning |"
    yield "| --- | --- |"
    for event in events():
        first = (inspect.getdoc(event) or "").partition("\n")[0]
        yield f"| [`{_tag(event)}`](#{_anchor(_tag(event))}) | {first} |"


def _outgrown() -> Iterator[str]:
    yield "# Earlier shapes"
    yield ""
    yield "Shapes that earlier versions wrote. They stay in the log unchanged and are read as the current event"
    yield "([how to change a shape](schema-change.md))."
    yield ""
    yield "| tag | read as |"
    yield "| --- | --- |"
    yield from (f"| [`{old}`](#{_anchor(old)}) | [`{now}`](#{_anchor(now)}) |" for old, now in TODAY.items())
    yield ""
    yield from _described(LIFTS)


def _anchor(tag: str) -> str:
    return tag.replace(".", "")


def _described(classes: Iterable[type[Event]]) -> Iterator[str]:
    for event in classes:
        yield f"## {_tag(event)}"
        yield ""
        yield (inspect.getdoc(event) or "").replace("``", "`")
        yield ""
        described = field_docs(event)
        for name in event.__struct_fields__:
            kind, text = described[name]
            yield f"* `{name}`: `{kind}`{' · ' + text if text else ''}"
        if event.__struct_fields__:
            yield ""


def field_docs(struct: type) -> dict[str, tuple[str, str]]:
    """Read how a class, or one that it builds on, writes the type of each of its fields, and the text below it."""
    found: dict[str, tuple[str, str]] = {}
    for each in reversed([kind for kind in struct.__mro__ if issubclass(kind, msgspec.Struct)][:-1]):
        tree = ast.parse(inspect.getsource(sys.modules[each.__module__]))
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name == each.__name__:
                found |= dict(_fields(node))
    return found


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, tuple[str, str]]]:
    for statement, after in zip(node.body, [*node.body[1:], None], strict=True):
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                yield name, (ast.unparse(annotation).replace("'", '"'), _text(after))
            case _:
                pass


def _text(node: ast.stmt | None) -> str:
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(inspect.cleandoc(text).split()).replace("``", "`")
        case _:
            return ""
