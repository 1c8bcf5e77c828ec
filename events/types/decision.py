"""Decisions: events that carry what a policy saw, under which rule, and what it ruled.

Inputs and rules are blobs of canonical JSON. Within inputs, what came from elsewhere has one of four shapes, told apart
by the names of their keys: so who does not know the point can follow the log.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from types import NoneType
from typing import Any, Final, Generic, Literal, TypeVar, assert_never, get_args, get_origin, get_type_hints

import msgspec

from events.base import Event, Ref
from events.digest import Digest

T_co = TypeVar("T_co", covariant=True)


class Decided(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What every event has that records a decision. Each field is left out of the bytes where it is None."""

    inputs: Digest | None = None
    """Blob: what the policy saw, as canonical JSON. None: an earlier version recorded it."""
    rule: Digest | None = None
    """Blob: the settings as they counted, as canonical JSON. None: an earlier version recorded it."""
    point_revision: int | None = None
    """Of the point of decision, from 1. None: an earlier version recorded it, which counts as 1."""


class DecisionMade(Decided, frozen=True, tag="decision.made"):
    """A decision whose point has no event of its own. In the stream of the actor that decided."""

    point: str
    """Name of the point, such as ``turn``."""
    ruling: dict[str, Any]
    """What was ruled, by the fields of the point's ruling."""
    shadow: str | None = None
    """Name of the shadow policy or rule. None: this ruling counts."""
    named: tuple[Digest, ...] = ()
    """Blobs that the ruling names."""
    steers: bool | None = None
    """Whether what was done next follows from it. None: as its point says. An imported run may lack the decision
    through which a run of ours acts on this one."""


class Seen(msgspec.Struct, Generic[T_co], frozen=True, forbid_unknown_fields=True):
    """A ruling, or those fields of an event that have the names of the value's."""

    seen: Ref
    """The event."""
    value: T_co


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes that an event names; long or personal text never stands in the inputs themselves."""

    text: Digest
    at: Ref
    """The event that names them."""


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A blob of `Seen` values, such as a table of scores."""

    held: Digest
    at: Ref
    """The event that the values came from last."""


class Earlier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The inputs of the previous decision at the same point: a history without a bound is a linked list."""

    earlier: Digest
    at: Ref
    """The event that records that decision."""


Part = Seen[Any] | Text | Held | Earlier


def parts_of(value: Any) -> Iterator[Part]:
    """Find the parts of inputs, in the order of their fields; what a `Seen` holds is not looked through."""
    if isinstance(value, _PARTS):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in _looked_through(type(value)):
            yield from parts_of(getattr(value, name))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from parts_of(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from parts_of(item)


_PARTS = (Seen, Text, Held, Earlier)


@cache
def _looked_through(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Name the fields of a class that may hold parts. Worked out once for a class, not for each decision."""
    hints = get_type_hints(kind)
    return tuple(name for name in kind.__struct_fields__ if _may_hold(hints[name]))


def _may_hold(hint: Any) -> bool:
    if hint in _PLAIN:
        return False
    return get_origin(hint) is not Literal and (not get_args(hint) or any(map(_may_hold, get_args(hint))))


_PLAIN = frozenset({bool, int, float, str, bytes, NoneType, Digest, Ref, ...})


_SHAPES: Final[Mapping[frozenset[str], type[Any]]] = {
    frozenset({"seen", "value"}): Seen[Any],
    frozenset({"text", "at"}): Text,
    frozenset({"held", "at"}): Held,
    frozenset({"earlier", "at"}): Earlier,
}


def read_parts(data: bytes) -> Iterator[Part]:
    """Find the parts of recorded inputs whose class is not known, in the order in which they stand.

    An object that has the keys of a part and other values than those is looked through as any other.

    Raises:
        msgspec.MsgspecError: The bytes are not JSON.
    """
    try:
        waiting = [msgspec.json.decode(data)]
    except RecursionError as error:
        raise msgspec.DecodeError(str(error)) from error
    while waiting:
        match waiting.pop():
            case dict() as found:
                part = part_in(found)
                if part is None:
                    waiting += reversed(found.values())
                else:
                    yield part
            case list() as items:
                waiting += reversed(items)
            case _:
                pass


def part_in(found: Mapping[str, Any]) -> Part | None:
    """Read an object of JSON as a part of inputs. None: it is none."""
    shape = _SHAPES.get(frozenset(found))
    if shape is None:
        return None
    try:
        part: Part = msgspec.convert(found, shape)
    except msgspec.ValidationError:
        return None
    return part


def blob_of(part: Text | Held | Earlier) -> Digest:
    """Give the blob that a part names. A `Seen` names none: its value stands in its event."""
    match part:
        case Text():
            return part.text
        case Held():
            return part.held
        case Earlier():
            return part.earlier
        case _:
            assert_never(part)
