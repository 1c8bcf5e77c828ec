"""Decisions: events that record what a policy saw, the rule it applied, and its ruling.

Inputs and rules are blobs of canonical JSON. Within inputs, a value from another event has one of four shapes, which
differ in their keys; so a reader that does not know the point can still follow the references.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Generic, Literal, TypeVar, Union, assert_never, get_args, get_origin, get_type_hints

import msgspec

from events.base import Event, Ref
from events.digest import Digest, digest_of

T_co = TypeVar("T_co", covariant=True)


class Decided(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all events that record a decision. Fields that are None are left out of the payload."""

    inputs: Digest | None = None
    """Blob: what the policy saw, as canonical JSON. None: the event holds it, or an earlier version recorded it."""
    rule: Digest | None = None
    """Blob: the settings that applied, as canonical JSON. None: an earlier version recorded it."""
    point_revision: int | None = None
    """Revision of the decision point, from 1. None: an earlier version recorded it; it counts as 1."""


class DecisionMade(Decided, frozen=True, tag="decision.made"):
    """A decision at a point without an event of its own. In the stream of the actor that decided."""

    point: str
    """Name of the point, such as ``turn``."""
    ruling: dict[str, Any]
    """The ruling, by the field names of the point's ruling."""
    shadow: str | None = None
    """Name of the shadow policy or rule. None: this ruling counts."""
    named: tuple[Digest, ...] = ()
    """Blobs that the ruling names."""
    steers: bool | None = None
    """Whether the next step follows from it. None: as the point declares. An imported run may lack the decision through
    which a stillroom run acts on this one."""


class InlineDecisionMade(DecisionMade, frozen=True, kw_only=True, tag="decision.made_inline"):
    """A decision whose inputs only repeat what other events say: it holds them itself, and `inputs` is left out."""

    saw: msgspec.Raw
    """What the policy saw, as canonical JSON."""


class ShadowFailed(Event, frozen=True, tag="decision.shadow_failed"):
    """A shadow could not rule on what a decision saw. It only looks on, so the run went on."""

    point: str
    """Name of the decision point."""
    shadow: str
    """Name of the shadow."""
    rule: Digest
    """Blob: the settings that it would have applied, as canonical JSON."""
    point_revision: int
    """Of the decision point, from 1."""
    error: str
    """Type of what the policy raised, and what that says."""


class Seen(msgspec.Struct, Generic[T_co], frozen=True, forbid_unknown_fields=True, gc=False):
    """A ruling, or the fields of an event that have the same names as those of the value."""

    seen: Ref
    """The event."""
    value: T_co


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Bytes that an event names; long or personal text is never embedded in the inputs."""

    text: Digest
    at: Ref
    """The event that names them."""


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A blob of `Seen` values, such as a table of scores."""

    held: Digest
    at: Ref
    """The latest event that the values came from."""


class Earlier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The inputs of the previous decision at the same point: an unbounded history is a linked list."""

    earlier: Digest
    at: Ref
    """The event that records that decision."""


Part = Seen[Any] | Text | Held | Earlier


def seen_in(event: Decided) -> bytes | None:
    """Give the inputs that an event holds itself. None: a blob holds them, or nothing does."""
    return bytes(event.saw) if isinstance(event, InlineDecisionMade) else None


def inputs_of(event: Decided) -> Digest | None:
    """Name the inputs of a decision by their bytes, wherever they are. None: an earlier version recorded it."""
    seen = seen_in(event)
    return event.inputs if seen is None else digest_of(seen)


def parts_of(value: Any) -> Sequence[Part]:
    """Find the parts of inputs, in the order of their fields; the value of a `Seen` is not searched."""
    found: list[Part] = []
    _find_parts(value, found)
    return found


def _find_parts(value: Any, found: list[Part]) -> None:
    if isinstance(value, _PARTS):
        found.append(value)
    elif isinstance(value, msgspec.Struct):
        _find_in_fields(value, found)
    elif isinstance(value, tuple | list):
        for item in value:
            _find_parts(item, found)
    elif isinstance(value, dict):
        for item in value.values():
            _find_parts(item, found)


def _find_in_fields(value: msgspec.Struct, found: list[Part]) -> None:
    for name in _looked_through(type(value)):
        part = getattr(value, name)
        if type(part) in _PARTS:  # as nearly all are: no call for each
            found.append(part)
        elif part is not None:
            _find_parts(part, found)


_PARTS = (Seen, Text, Held, Earlier)


@cache
def _looked_through(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Name the fields of a class that may hold parts. Computed once per class, not for each decision."""
    hints = get_type_hints(kind)
    return tuple(name for name in kind.__struct_fields__ if _may_hold(hints[name]))


def _may_hold(hint: Any) -> bool:
    if hint in _PLAIN:
        return False
    return get_origin(hint) is not Literal and (not get_args(hint) or any(map(_may_hold, get_args(hint))))


_PLAIN = frozenset({bool, int, float, str, bytes, NoneType, Digest, Ref, ...})


@cache
def repeats_events(hint: Any) -> bool:
    """Say whether inputs of a class hold nothing but `Seen` values and what follows from the path: no text, no blob.

    Nothing of these is kept only there, so there is nothing that an erasure would have to find there.
    """
    if hint in _COUNTED or get_origin(hint) is Literal:
        return True
    kind = get_origin(hint) or hint
    if kind is Seen:
        return True
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind not in _PARTS and all(map(repeats_events, get_type_hints(kind).values()))
    return kind in _COLLECTED and all(map(repeats_events, get_args(hint)))


_COUNTED = frozenset({bool, int, float, NoneType, Digest, Ref, ...})
_COLLECTED = frozenset({tuple, Union, UnionType})


_SHAPES: Final[Mapping[frozenset[str], type[Any]]] = {
    frozenset({"seen", "value"}): Seen[Any],
    frozenset({"text", "at"}): Text,
    frozenset({"held", "at"}): Held,
    frozenset({"earlier", "at"}): Earlier,
}


def read_parts(data: bytes) -> Iterator[Part]:
    """Find the parts of recorded inputs whose class is not known, in document order.

    An object with the keys of a part but values of other types is searched like any other.

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
    """Read a JSON object as a part of inputs. None: it is not one."""
    shape = _SHAPES.get(frozenset(found))
    if shape is None:
        return None
    try:
        part: Part = msgspec.convert(found, shape)
    except msgspec.ValidationError:
        return None
    return part


def blob_of(part: Text | Held | Earlier) -> Digest:
    """Return the blob that a part names. A `Seen` names none: its value is in its event."""
    match part:
        case Text():
            return part.text
        case Held():
            return part.held
        case Earlier():
            return part.earlier
        case _:
            assert_never(part)
