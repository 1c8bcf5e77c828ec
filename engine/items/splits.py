"""Splits of an item set: train, val and test, under the names by which people know them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from engine.items.base import Split
from engine.items.errors import SplitUnknown

SPLITS: Final[Mapping[str, Split]] = MappingProxyType(
    {
        "train": "train",
        "val": "val",
        "valid": "val",
        "validation": "val",
        "selection": "val",
        "valid_seen": "val",
        "test": "test",
        "valid_unseen": "test",
        "all": "all",
    }
)
"""By every name that is read; ``selection``, ``valid_seen`` and ``valid_unseen`` are SkillOpt's."""
PARTS: Final[tuple[Split, ...]] = ("train", "val", "test")
"""The splits that a folder may hold, in order."""


def read_split(name: str) -> Split:
    """Read the name of a split.

    Raises:
        SplitUnknown: There is none of this name. SkillOpt takes such a name for ``val``, in silence.
    """
    if name not in SPLITS:
        raise SplitUnknown(name, tuple(SPLITS))
    return SPLITS[name]


def files_by_split(
    folder: Path, suffixes: tuple[str, ...], picks: Callable[[str], bool] | None = None
) -> Mapping[Split, tuple[Path, ...]]:
    """Find the files of each split, by name; those that lie in no split are all there is of a set without splits.

    A split is a folder of its name, or a file of its name such as ``val.jsonl``. What else lies there holds no rows.

    Args:
        folder: Of the set.
        suffixes: Of files that hold rows.
        picks: Says of the name of such a file whether it does. None: all do.
    """

    def holds_rows(file: Path) -> bool:
        fits = file.is_file() and file.suffix in suffixes and not file.name.startswith(".")
        return fits and (picks is None or picks(file.name))

    found: dict[Split, list[Path]] = {}
    for each in sorted(folder.iterdir()):
        split = SPLITS.get(each.name if each.is_dir() else each.stem)
        if split is None:
            continue
        inside = sorted(each.iterdir()) if each.is_dir() else [each]
        found.setdefault(split, []).extend(file for file in inside if holds_rows(file))
    if found:
        return {part: tuple(found[part]) for part in (*PARTS, "all") if part in found}
    return {"all": tuple(file for file in sorted(folder.iterdir()) if holds_rows(file))}
