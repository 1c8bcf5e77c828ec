"""Putting other rulings into what later decisions saw: by the event that each value came from."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from engine.core.decision import encode_value
from events.base import Ref
from events.digest import Digest
from events.types.decision import Earlier, Held, Part, Seen, Text, parts_of


class Swap(NamedTuple):
    """A ruling, and what would have been ruled instead."""

    recorded: Any
    instead: Any
    """None: there would have been no such decision."""


Swaps: TypeAlias = Mapping[Ref, Sequence[Swap]]
"""By the event that records the ruling; several where one event stands for several decisions."""

_encoder: Final = msgspec.json.Encoder(order="deterministic")
_ABSENT: Final = object()


class BlobAccess(NamedTuple):
    """Where the bytes of parts are read from, and laid down."""

    get: Callable[[Digest], Awaitable[bytes]]
    put: Callable[[bytes], Digest]


def refs_in_order(saw: Any) -> list[Ref]:
    """Name the events that inputs rest on directly, in the order of the inputs."""
    return [part.seen if isinstance(part, Seen) else part.at for part in parts_of(saw)]


async def swapped(saw: Any, swaps: Swaps, chains: Mapping[Digest, Digest], store: BlobAccess) -> Any:
    """Give inputs with other rulings in them; the same object where none of them stands in it.

    Args:
        saw: The inputs.
        swaps: Rulings that come out otherwise.
        chains: Inputs of earlier decisions that come out otherwise, by the digest they are recorded under.
        store: Where bytes are.

    Raises:
        BlobErased: A table of rulings was removed on purpose.
    """
    parts = list(parts_of(saw))
    instead = [await _instead(part, swaps, chains, store) for part in parts]
    if all(new is old for new, old in zip(instead, parts, strict=True)):
        return saw
    return _rebuilt(saw, iter(instead))


async def _instead(part: Part, swaps: Swaps, chains: Mapping[Digest, Digest], store: BlobAccess) -> Part | None:
    match part:
        case Seen():
            return _seen(part, swaps)
        case Text():
            digest = _named(part, swaps)
            return part if digest is _ABSENT else None if digest is None else Text(digest, part.at)
        case Held():
            tree = msgspec.json.decode(await store.get(part.held))
            changed = _tree(tree, swaps)
            return part if changed is tree else Held(store.put(_encoder.encode(changed)), part.at)
        case Earlier():
            return Earlier(chains[part.earlier], part.at) if part.earlier in chains else part


def _seen(part: Seen[Any], swaps: Swaps) -> Seen[Any] | None:
    """Swap a value that is one of a ruling that comes out otherwise, in the fields that the value has."""
    for swap in swaps.get(part.seen, ()):
        shown = part.value if isinstance(part.value, dict) else msgspec.structs.asdict(part.value)
        if any(getattr(swap.recorded, name, _ABSENT) != value for name, value in shown.items()):
            continue
        if swap.instead is None:
            return None
        other = {name: getattr(swap.instead, name) for name in shown}
        return part if other == shown else Seen(part.seen, type(part.value)(**other))
    return part


def _named(part: Text, swaps: Swaps) -> Any:
    """Give the blob that another ruling names in place of this one; `_ABSENT` if none does."""
    for swap in swaps.get(part.at, ()):
        for name in swap.recorded.__struct_fields__:
            if getattr(swap.recorded, name) == part.text:
                return None if swap.instead is None else getattr(swap.instead, name)
    return _ABSENT


def _tree(tree: Any, swaps: Swaps) -> Any:
    """Swap values within a table, whose classes are not known."""
    match tree:
        case {"seen": seen, "value": dict() as value} if len(tree) == 2:
            ref = msgspec.convert(seen, Ref)
            swap = next((each for each in swaps.get(ref, ()) if _shows(each, value)), None)
            if swap is None or swap.instead is None:
                return tree
            given = _as_read(swap.instead)
            return {"seen": seen, "value": {name: given[name] for name in value if name in given}}
        case dict():
            changed = {name: _tree(item, swaps) for name, item in tree.items()}
            return changed if any(changed[name] is not item for name, item in tree.items()) else tree
        case list():
            items = [_tree(item, swaps) for item in tree]
            return items if any(new is not old for new, old in zip(items, tree, strict=True)) else tree
        case _:
            return tree


def _shows(swap: Swap, value: Mapping[str, Any]) -> bool:
    given = _as_read(swap.recorded)
    return all(given.get(name, _ABSENT) == shown for name, shown in value.items())


def _as_read(ruling: Any) -> Any:
    """Give a ruling as it reads in a table: lists where it has tuples, and nothing where it leaves out a default."""
    return msgspec.json.decode(_encoder.encode(ruling))


def _rebuilt(value: Any, parts: Iterator[Part | None]) -> Any:
    """Put parts into inputs, in the order in which `parts_of` gives them."""
    match value:
        case Seen() | Text() | Held() | Earlier():
            return next(parts)
        case msgspec.Struct():
            fields = {name: _rebuilt(getattr(value, name), parts) for name in value.__struct_fields__}
            return type(value)(**fields)
        case tuple() | list():
            return type(value)(_rebuilt(item, parts) for item in value)
        case dict():
            return {name: _rebuilt(item, parts) for name, item in value.items()}
        case _:
            return value


def encoded(saw: msgspec.Struct, store: BlobAccess) -> Digest:
    """Lay inputs down, and name them."""
    return store.put(encode_value(saw))
