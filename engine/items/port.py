"""The port that reads item sets: what is taken of a folder goes into the log, and is read from there."""

from functools import partial
from pathlib import Path

from anyio import to_thread

from engine.core.errors import EngineError
from engine.core.ports import EffectAddress
from engine.items.base import ItemRef
from engine.items.item_set import ItemSelection, ItemSet, load_items
from engine.items.registry import item_format
from events.base import Event
from events.store.base import BlobStore
from events.types.item import ItemPinned, ItemsAsked, ItemsRead, ItemsUnreadable


class ItemsPort:
    """Answers `ItemsAsked`."""

    def __init__(self, blobs: BlobStore, base: Path) -> None:
        """Say where from, and where to.

        Args:
            blobs: Where items are kept.
            base: Against which relative folders are read.
        """
        self._blobs = blobs
        self._base = base

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Read a set; one that cannot be read whole is an outcome of its own."""
        del place
        assert isinstance(asked, ItemsAsked)
        wanted = ItemSelection(asked.split, asked.limit, asked.shuffle, asked.exclude)
        try:
            form = item_format(asked.format)
            found = await to_thread.run_sync(
                partial(load_items, asked.set, form, self._base / asked.folder, wanted, self._blobs.put)
            )
        except EngineError as error:
            return ItemsUnreadable(error.problem, error.remedy or "")
        return read_event(found)


def read_event(found: ItemSet) -> ItemsRead:
    """Record a set as it was read."""
    pinned = tuple(ItemPinned(each.name, each.digest, each.task_type, each.family) for each in found.items)
    return ItemsRead(found.digest, pinned, found.shown)


def items_in(asked: ItemsAsked, read: ItemsRead) -> tuple[ItemRef, ...]:
    """Give the items of a recorded set, in order."""
    return tuple(ItemRef(asked.set, each.name, each.digest, each.task_type, each.family) for each in read.items)
