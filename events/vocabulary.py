"""The words of the log itself: what stands in events by their shape, and not because somebody said it."""

from collections.abc import Iterator
from typing import Any

from msgspec import json

from events.catalog import AnyEvent


def catalog_words() -> frozenset[str]:
    """List tags, names of fields, and words that a field may hold by its type."""
    (schema,), components = json.schema_components([AnyEvent])
    return frozenset(word for word in _words([schema, components]) if isinstance(word, str))


def _words(schema: Any) -> Iterator[Any]:
    """Find the words of a JSON schema."""
    match schema:
        case dict():
            yield from schema.get("properties", ())
            yield from schema.get("enum", ())
            yield from _words(list(schema.values()))
        case list():
            for each in schema:
                yield from _words(each)
        case _:
            pass
