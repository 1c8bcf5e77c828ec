"""Cutting one file of rows into the splits of a set, as SkillOpt does: shuffled by a seed, counted by a ratio."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from anyio import to_thread

from engine.core.seeded_order import shuffled
from engine.items.split_ratio import SplitCounts, read_ratio, split_counts
from views.terminal.errors import UsageWrong
from views.terminal.files import write_file
from views.terminal.tables import TableView

_READ: Final = (".json", ".jsonl")


class SetSplitRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="set_split"):
    """A split that was written."""

    split: str
    items: int
    file: str
    """Path of the file, beside the one that was cut."""


async def split_file(file: Path, ratio: str, seed: int) -> list[SetSplitRow]:
    """Write ``train``, ``val`` and ``test`` beside a file.

    Args:
        file: A JSON array of rows, or one row a line (``.jsonl``).
        ratio: Such as ``2:1:7``.
        seed: Of the order.

    Raises:
        UsageWrong: The file is no such file, or a split is there already.
        RatioInvalid: The ratio is none.
    """
    rows = shuffled(await to_thread.run_sync(_rows, file), seed)
    counts = split_counts(len(rows), read_ratio(ratio))
    files = {split: file.with_name(f"{split}{file.suffix}") for split in SplitCounts._fields}
    there = [str(each) for each in files.values() if each.exists()]
    if there:
        raise UsageWrong(f"{', '.join(there)} already exists", remedy="remove it, or keep it as it is")
    written, at = [], 0
    for (split, path), count in zip(files.items(), counts, strict=True):
        await write_file(path, _text(file.suffix, rows[at : at + count]).encode())
        written.append(SetSplitRow(split=split, items=count, file=str(path)))
        at += count
    return written


def _rows(file: Path) -> Sequence[str]:
    """Read rows, each as JSON on one line.

    Raises:
        UsageWrong: The file does not hold rows.
    """
    if file.suffix not in _READ:
        raise UsageWrong(f"{file} is none of {', '.join(_READ)}", remedy="write its rows into a JSON array")
    try:
        text = file.read_text("utf-8-sig")
        found = json.loads(text) if file.suffix == ".json" else [json.loads(line) for line in text.splitlines() if line]
    except (OSError, ValueError) as error:
        raise UsageWrong(f"{file} cannot be read: {error}", remedy="name a file of rows") from error
    if not isinstance(found, list):
        raise UsageWrong(f"{file} holds no array", remedy="write its rows into a JSON array")
    return [json.dumps(row, ensure_ascii=False) for row in found]


def _text(suffix: str, rows: Sequence[str]) -> str:
    if suffix == ".jsonl":
        return "".join(f"{row}\n" for row in rows)
    return "[\n" + ",\n".join(rows) + "\n]\n"


SET_SPLITS: Final = TableView(SetSplitRow, "split >items file")
