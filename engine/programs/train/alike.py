"""Items of a training that ask the same in two of its sets: what is learnt from one would be measured on the other."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from anyio import to_thread

from engine.config.spec import RunSpec
from engine.items.base import Item
from engine.items.item_set import ItemSelection, decode_item, load_bytes
from engine.items.near_duplicates import AlikeItems, alike_items
from engine.items.registry import item_format
from engine.programs.train.program import set_name
from engine.programs.train.spec import PURPOSES, TrainItemsSpec, items_of, train_spec

_NAMED = 5
"""Pairs that a warning names."""


async def alike_in_sets(base: Path, spec: RunSpec) -> list[AlikeItems]:
    """Find items that ask, but for case, white space, punctuation and Unicode form, what an item of another set asks.

    Args:
        base: Folder that paths of the spec are relative to.
        spec: Of a training.

    Raises:
        ItemsMissing, ItemsInvalid: A set cannot be read whole.
    """
    settings = train_spec(spec)
    wanted = {purpose: items_of(settings, purpose) for purpose in PURPOSES}
    sets: dict[str, dict[str, Item]] = {
        of: await to_thread.run_sync(partial(_read, base, items)) for of, items in wanted.items() if items
    }
    return list(alike_items(sets))


def _read(base: Path, items: TrainItemsSpec) -> dict[str, Item]:
    wanted = ItemSelection(items.split or "all", items.limit, items.shuffle, items.exclude)
    found = load_bytes(set_name(items), item_format(items.format), base / items.folder, wanted)
    return {name: decode_item(data) for name, data in found.items()}


def told(pairs: Sequence[AlikeItems]) -> str:
    """Say which items ask the same."""
    more = f" and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
    return f"these items of two sets ask the same: {'; '.join(map(str, pairs[:_NAMED]))}{more}"
