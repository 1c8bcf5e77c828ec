"""Which blobs an event names: its `Digest` fields, wherever they stand. A `Fingerprint` names none."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from events.base import Event
from events.digest import Digest
from events.types.model import ConversationNode
from events.values import NamedDigest

_Find = Callable[[Any], Sequence[Digest]]


def named_blobs(value: msgspec.Struct) -> Sequence[Digest]:
    """List the blobs that an event, a node of a conversation or a ruling names, in the order of its fields."""
    find = _finder(type(value))
    return () if find is None else find(value)


def blobs_by_name(value: Event | ConversationNode) -> Iterator[tuple[str, Digest]]:
    """List the same, each with what it is called: its field, or the name that stands beside it."""
    hints = _hints(type(value))
    for field in value.__struct_fields__:
        find = _finder(hints[field])
        part = getattr(value, field)
        for each in part if isinstance(part, tuple) else (part,):
            name = each.name if isinstance(each, NamedDigest) else field.replace("_", " ")
            if find is not None:
                yield from ((name, digest) for digest in find((each,) if isinstance(part, tuple) else each))


@cache
def _hints(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _finder(hint: Any) -> _Find | None:
    """Make what finds digests in a value of a type; None if it can hold none. Made once per type, not per event."""
    if hint is Digest:
        return _itself
    origin = get_origin(hint)
    if origin in {Union, UnionType}:
        return _of_one([_finder(part) for part in get_args(hint) if part is not NoneType])
    if origin is tuple:
        return _of_each(_finder(get_args(hint)[0]))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _of_fields(hint)
    return None


def _itself(value: Any) -> Sequence[Digest]:
    """Find a digest in a digest that may be missing."""
    return () if value is None else (value,)


def _of_one(finds: list[_Find | None]) -> _Find | None:
    """Find in a value that may be None. No event holds a digest in a union of more."""
    found = [find for find in finds if find is not None]
    if not found:
        return None
    assert len(finds) == 1
    if found[0] is _itself:  # which takes None as well
        return _itself
    return lambda value: () if value is None else found[0](value)


def _of_each(find: _Find | None) -> _Find | None:
    """Find in each item."""
    if find is None:
        return None
    return lambda values: [digest for value in values for digest in find(value)]


def _of_fields(kind: type[msgspec.Struct]) -> _Find | None:
    """Find in each field."""
    hints = get_type_hints(kind)
    finds = [(name, find) for name in kind.__struct_fields__ if (find := _finder(hints[name])) is not None]
    if not finds:
        return None

    def find_all(value: Any) -> Sequence[Digest]:
        found: list[Digest] = []
        for name, find in finds:
            part = getattr(value, name)
            if find is not _itself:
                found += find(part)
            elif part is not None:  # most fields are digests: no call for each
                found.append(part)
        return found

    return find_all
