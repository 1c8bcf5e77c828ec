"""What a decision saw, as a chain of causes tells it: values by name, and the events and blobs that held them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from events.base import Ref
from events.types.decision import Earlier, Held, Part, Seen, Text, part_in
from replay.why.fetch import is_digest
from replay.why.nodes import BlobLink, EventLink, Link

PINNED = Ref("run", 1)
"""The event that names every prompt of a run: of it, only the prompt is told."""


class NamedPart(NamedTuple):
    """A part of inputs, by the names of the fields it stands in."""

    name: str
    part: Part


def named_parts(tree: Any, name: str = "") -> Iterator[NamedPart]:
    """List the parts of inputs that are given as JSON, in their order."""
    match tree:
        case dict():
            part = part_in(tree)
            if part is not None:
                yield NamedPart(name, part)
                return
            for key, item in tree.items():
                yield from named_parts(item, f"{name} {_words(key)}".strip())
        case list():
            for number, item in enumerate(tree, start=1):
                yield from named_parts(item, f"{name} {number}" if len(tree) > 1 else name)
        case _:
            pass


def values_seen(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values that a decision saw, by field, those of events among them; texts are bytes of their own."""
    found = {_words(name): _value(item) for name, item in tree.items()}
    return {name: value for name, value in found.items() if value is not _ELSEWHERE}


def links_of_part(found: NamedPart, *, named: bool) -> list[Link]:
    """Say where a part came from.

    Args:
        found: The part.
        named: Whether the event that it came from names its bytes, so that they are told there.
    """
    name, part = found
    match part:
        case Seen(seen=at):
            return [EventLink(name, at)]
        case Text(text=digest, at=at):
            if at == PINNED:
                return [BlobLink(f"prompt {name}", digest, "prompt")]
            return [EventLink(name, at)] if named else [EventLink(name, at), BlobLink(name, digest)]
        case Held(held=digest, at=at):
            return [EventLink(name, at), BlobLink(name, digest, "inputs")]
        case Earlier(earlier=digest, at=at):
            return [EventLink(name, at)] if named else [EventLink(name, at), BlobLink(name, digest, "inputs")]


def joined(links: Sequence[Link]) -> list[Link]:
    """Give each event and blob once, under all the names it has."""
    found: dict[Ref | str, Link] = {}
    for link in links:
        known = found.get(link.to)
        found[link.to] = link if known is None else known._replace(label=f"{known.label}, {link.label}")
    return list(found.values())


_ELSEWHERE = object()
"""Stands for bytes, which are told where their event names them."""


def _value(tree: Any) -> Any:
    match tree:
        case dict():
            part = part_in(tree)
            if part is not None:
                return _value(part.value) if isinstance(part, Seen) else _ELSEWHERE
            inner = {name: value for name, item in tree.items() if (value := _value(item)) is not _ELSEWHERE}
            return inner if inner or not tree else _ELSEWHERE
        case list():
            items = [value for item in tree if (value := _value(item)) is not _ELSEWHERE]
            return items if items or not tree else _ELSEWHERE
        case str() if is_digest(tree):
            return _ELSEWHERE
        case _:
            return tree


def _words(name: str) -> str:
    return name.replace("_", " ")
