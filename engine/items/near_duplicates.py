"""Items that ask the same in other letters: what one of them teaches, the other would count as learnt; pure."""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from typing_extensions import override

from engine.items.base import Item


class AlikeItems(NamedTuple):
    """Two items of different sets that ask the same."""

    first: str
    """Name of the item."""
    first_set: str
    second: str
    second_set: str

    @override
    def __str__(self) -> str:
        """Name both."""
        return f"{self.first} ({self.first_set}) and {self.second} ({self.second_set})"


def asked_by(item: Item) -> tuple[str, ...]:
    """Say what an item asks, in a form that is equal for items which differ in writing alone.

    Case, white space, punctuation and the Unicode form of question and context count for nothing; images, folders and
    files count by their bytes; what is expected is left out.
    """
    named = sorted(item.shown)
    return (_plain(item.question), _plain(item.context or ""), *named)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words = " ".join("".join(" " if unicodedata.category(each).startswith("P") else each for each in folded).split())
    return words or " ".join(text.split())


def alike_items(sets: Mapping[str, Mapping[str, Item]]) -> Iterator[AlikeItems]:
    """Find items of one set that ask what an item of a set before it asks.

    Args:
        sets: Items by name, by the name of their set, in order.
    """
    seen: dict[tuple[str, ...], tuple[str, str]] = {}
    for of, items in sets.items():
        for name, item in items.items():
            before, here = seen.setdefault(asked_by(item), (name, of)), (name, of)
            if before[1] != of:
                yield AlikeItems(*before, *here)
