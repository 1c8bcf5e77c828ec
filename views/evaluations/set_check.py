"""What a set of items is worth: does each item load, is its expected answer right, and is doing nothing right, too?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from engine.items.base import Item, ItemRef, Mark, Split
from engine.items.do_nothing import do_nothing_mark
from engine.items.gold import gold_mark
from engine.items.item_set import ItemSelection, decode_item, load_items
from engine.items.near_duplicates import alike_items
from engine.items.registry import item_format
from engine.items.splits import PARTS, files_by_split
from events.digest import Digest, digest_of
from views.terminal.format import plural
from views.terminal.tables import TableView

_SHOWN: Final = 5
"""Names of items that a note lists."""


class SetCheckRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="set_check"):
    """The items of one type in a split."""

    split: str
    task_type: str | None
    """None: the items have no types."""
    items: int
    gold: int | None
    """Items whose expected answer is right. None: the format cannot write one down."""
    do_nothing: int
    """Items that are right if nobody works on them; they say nothing of a skill, and no gate counts them."""
    do_nothing_soft: float | None
    """Mean of what items score so, from 0 to 1. None: no rule can tell of any."""
    unknown: int
    """Items of which no rule can tell what they score so, such as where a judge model would have to."""
    wrong: tuple[str, ...]
    """Names of items whose expected answer is not right, and why."""
    untouched: tuple[str, ...]
    """Names of items that are right if nobody works on them."""
    alike: tuple[str, ...]
    """Items that ask what an item of a split before this one asks, each pair by its names: but for case, white space,
    punctuation and Unicode form question and context are the same."""


class _Blobs:
    """Keeps what items name, in memory."""

    def __init__(self) -> None:
        self._kept: dict[Digest, bytes] = {}

    def put(self, data: bytes) -> Digest:
        """Keep bytes."""
        digest = digest_of(data)
        self._kept[digest] = data
        return digest

    def read(self, digest: Digest) -> bytes:
        """Give them back."""
        return self._kept[digest]


def set_checks(folder: Path, form: str, split: Split | None) -> list[SetCheckRow]:
    """Load each item of a set and score it twice: with the expected answer, and with nothing done. Blocking.

    Args:
        folder: Of the set.
        form: Name of the format.
        split: Which part. None: every one that it has.

    Raises:
        ItemsMissing: There is no such folder or split.
        ItemsInvalid: A row is wrong.
        NameUnknown: No installed package registers the format.
    """
    reads = item_format(form)
    have = files_by_split(folder, reads.suffixes) if folder.is_dir() else {}
    parts: Sequence[Split] = [each for each in (*PARTS, "all") if each in have] if split is None else [split]
    blobs = _Blobs()
    found = {
        part: load_items(folder.name, reads, folder, ItemSelection(part), blobs.put).items for part in parts or ["all"]
    }
    sets: dict[str, dict[str, Item]] = {
        part: {ref.name: decode_item(blobs.read(ref.digest)) for ref in refs} for part, refs in found.items()
    }
    alike = {(each.second_set, each.second): str(each) for each in alike_items(sets)}
    return [row for part, refs in found.items() for row in _rows(part, refs, blobs.read, alike)]


def _rows(
    split: str, refs: Sequence[ItemRef], read: Callable[[Digest], bytes], alike: Mapping[tuple[str, str], str]
) -> Iterator[SetCheckRow]:
    by_type: dict[str | None, list[ItemRef]] = {}
    for ref in refs:
        by_type.setdefault(ref.task_type, []).append(ref)
    for kind in sorted(by_type, key=lambda name: name or ""):
        row = _row(split, kind, by_type[kind], read)
        pairs = [alike[split, ref.name] for ref in by_type[kind] if (split, ref.name) in alike]
        yield msgspec.structs.replace(row, alike=tuple(pairs))


def _row(split: str, kind: str | None, refs: Sequence[ItemRef], read: Callable[[Digest], bytes]) -> SetCheckRow:
    items = [decode_item(read(ref.digest)) for ref in refs]
    gold = [gold_mark(item, read) for item in items]
    nothing = [do_nothing_mark(item, read) for item in items]
    known = [mark.soft for mark in nothing if mark.soft is not None]
    return SetCheckRow(
        split=split,
        task_type=kind,
        items=len(items),
        gold=None if None in gold else sum(mark is not None and bool(mark.hard) for mark in gold),
        do_nothing=sum(bool(mark.hard) for mark in nothing),
        do_nothing_soft=float(sum(known, Fraction()) / len(known)) if known else None,
        unknown=len(items) - len(known),
        wrong=tuple(
            _wrong(ref, mark) for ref, mark in zip(refs, gold, strict=True) if mark is not None and not mark.hard
        ),
        untouched=tuple(ref.name for ref, mark in zip(refs, nothing, strict=True) if mark.hard),
        alike=(),
    )


def _wrong(ref: ItemRef, mark: Mark) -> str:
    return f"{ref.name}: {'; '.join(mark.reasons)}"


def _notes(rows: Sequence[SetCheckRow]) -> Iterator[RenderableType]:
    items, right = sum(row.items for row in rows), sum(row.do_nothing for row in rows)
    names = [name for row in rows for name in row.untouched]
    listed = f": {_some(names)}" if names else ""
    yield Text(f"right if nobody works on them: {right} of {plural(items, 'item')}{listed}")
    alike = [pair for row in rows for pair in row.alike]
    if alike:
        yield Text(f"ask the same in two splits: {_some(alike)}", style="yellow")
    for row in rows:
        if row.wrong:
            yield Text(f"the expected answer is not right: {_some(row.wrong)}", style="red")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


SET_CHECKS: Final = TableView(
    SetCheckRow,
    "split",
    ("type", lambda row: row.task_type),
    ">items",
    (">expected answer right", lambda row: row.gold),
    (">right untouched", lambda row: row.do_nothing),
    (">mean score untouched", lambda row: None if row.do_nothing_soft is None else f"{row.do_nothing_soft:.3f}"),
    notes=_notes,
)
