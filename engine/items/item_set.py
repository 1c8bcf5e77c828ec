"""Item sets: read whole from a folder, then cut down to what is asked for, in an order that is the same everywhere."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.core.seeded_order import shuffled
from engine.items.base import InObject, Item, ItemFormat, ItemRef, PicksFiles, ReadItem, Split
from engine.items.errors import ItemsInvalid, ItemsMissing, RowFault, RowInvalid
from engine.items.row_files import LocatedRow, rows_of
from engine.items.rows import ItemRow, require_unicode
from engine.items.splits import PARTS, files_by_split
from events.digest import Digest, Fingerprint, digest_of

Put = Callable[[bytes], Digest]
"""Keeps bytes, or only names them."""
_encoder = msgspec.json.Encoder(order="deterministic")


class ItemSelection(NamedTuple):
    """Which items of a set are taken."""

    split: Split = "all"
    limit: int | None = None
    """The first so many, 1 or more, after the order is decided. None: all."""
    shuffle: int | None = None
    """Seed of the order. None: the order of the files."""
    exclude: tuple[str, ...] = ()
    """Names of items that are left out."""


class ItemSet(NamedTuple):
    """The items that were asked for, in order."""

    items: tuple[ItemRef, ...]
    shown: tuple[Digest, ...]
    """Blobs that they name, each once."""

    @property
    def digest(self) -> Fingerprint:
        """Of the names and digests of the items, in order."""
        return Fingerprint(digest_of(_encoder.encode([(each.name, each.digest) for each in self.items])))


def encode_item(item: Item) -> bytes:
    """Write an item as it is kept and digested: canonical JSON."""
    return _encoder.encode(item)


def decode_item(data: bytes) -> Item:
    """Read an item back.

    Raises:
        msgspec.MsgspecError: The bytes are no item.
    """
    return msgspec.json.decode(data, type=Item)


def load_items(name: str, form: ItemFormat, folder: Path, wanted: ItemSelection, put: Put) -> ItemSet:
    """Read the items of a folder. Blocking.

    Every split is read, so that an item of two splits is found before anything rests on it.

    Args:
        name: What the set is called.
        form: How its files are written.
        folder: Where they are.
        wanted: Which of them are taken.
        put: Keeps the items that are taken, and the bytes that they name.

    Raises:
        ItemsMissing: There is no such folder or split, or nothing is left of it.
        ItemsInvalid: A row is wrong, two items have one name, or a name that is left out does not exist.
    """
    if wanted.limit is not None and wanted.limit < 1:
        raise ItemsMissing(folder, f"the limit is {wanted.limit}", "write a limit of 1 or more, or leave it out")
    if not folder.is_dir():
        raise ItemsMissing(folder, "the folder does not exist", "name the folder that holds the splits")
    files = files_by_split(folder, form.suffixes, form.picks if isinstance(form, PicksFiles) else None)
    if wanted.split not in {*files, "all"}:
        have = ", ".join(files) if "all" not in files else "no splits"
        raise ItemsMissing(
            folder, f"there is no split {wanted.split!r}", f"it holds {have}: take one of them, or the split `all`"
        )
    reader = _Reader(form, folder, put)
    by_split = {split: reader.read(split, paths, wanted) for split, paths in files.items()}
    faults = [*reader.faults, *_unknown(folder, reader.seen, wanted.exclude)]
    if faults:
        raise ItemsInvalid(faults)
    parts = (*PARTS, "all") if wanted.split == "all" else (wanted.split,)
    order = [each for part in parts for each in by_split.get(part, ())]
    chosen = _select(order, wanted)
    if not chosen:
        rows = " or ".join(f"*{suffix}" for suffix in form.suffixes)
        raise ItemsMissing(folder, f"no item is left of the split {wanted.split!r}", f"put items into {rows} files")
    items = tuple(ItemRef(name, each.name, put(encode_item(each.item)), each.task_type, each.family) for each in chosen)
    return ItemSet(items, tuple(dict.fromkeys(blob for each in chosen for blob in each.item.shown)))


def load_bytes(name: str, form: ItemFormat, folder: Path, wanted: ItemSelection) -> dict[str, bytes]:
    """Read the items of a folder, each by its name as canonical JSON with what it expects. Blocking; nothing is kept.

    Raises:
        ItemsMissing, ItemsInvalid: As of `load_items`.
    """
    kept: dict[Digest, bytes] = {}

    def put(data: bytes) -> Digest:
        digest = digest_of(data)
        kept[digest] = data
        return digest

    return {each.name: kept[each.digest] for each in load_items(name, form, folder, wanted, put).items}


class _Reader:
    """Reads the files of a set, and collects what is wrong with them."""

    def __init__(self, form: ItemFormat, folder: Path, put: Put) -> None:
        self._form = form
        self._folder = folder
        self._put = put
        self.faults: list[RowFault] = []
        self.seen: dict[str, str] = {}
        """Where each name stands first."""

    def read(self, split: Split, files: Sequence[Path], wanted: ItemSelection) -> list[ReadItem]:
        """Read a split. What items of other splits name is not kept."""
        put = self._kept if wanted.split in {split, "all"} else digest_of
        found: list[ReadItem] = []
        folders: dict[Path, Digest] = {}  # each split anew: what is named of another is not kept
        for file in files:
            for row in rows_of(file, self._form.array if isinstance(self._form, InObject) else None):
                if isinstance(row, RowFault):
                    self.faults.append(row)
                else:
                    found.extend(self._item(file, row, partial(ItemRow, put=put, root=self._folder, kept=folders)))
        return found

    def _kept(self, data: bytes) -> Digest:
        """Keep bytes that an item names.

        Raises:
            RowInvalid: They hold the value of a known secret, without which they would not be the same.
        """
        digest = self._put(data)
        if digest != digest_of(data):
            raise RowInvalid("a file that it names holds the value of a known secret")
        return digest

    def _item(self, file: Path, row: LocatedRow, wrap: Callable[..., ItemRow]) -> Sequence[ReadItem]:
        try:
            require_unicode(row.fields)
            read = self._form.read(wrap(row.fields, file.parent))
        except RowInvalid as error:
            self.faults.append(RowFault(file, row.line, error.problem))
            return ()
        here = f"{file}:{row.line}"
        if read.name in self.seen:
            self.faults.append(RowFault(file, row.line, f"{read.name!r} stands in {self.seen[read.name]}, too"))
            return ()
        self.seen[read.name] = here
        return (read,)


def _unknown(folder: Path, seen: Mapping[str, str], exclude: Sequence[str]) -> list[RowFault]:
    """Find names on the exclusion list that no item has."""
    return [RowFault(folder, None, f"no item is called {name!r}, so it cannot be left out") for name in exclude
            if name not in seen]  # fmt: skip


def _select(order: Sequence[ReadItem], wanted: ItemSelection) -> Sequence[ReadItem]:
    """Take what is asked for: first the order, then what is left out, then the limit."""
    ordered = list(order) if wanted.shuffle is None else shuffled(order, wanted.shuffle)
    excluded = frozenset(wanted.exclude)
    left = [each for each in ordered if each.name not in excluded]
    return left[: wanted.limit]
