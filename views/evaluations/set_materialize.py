"""Making a set of items of a manifest, and telling what was made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from engine.items.manifest import read_manifest
from engine.items.materialized_set import MaterializedSet, materialize, write_set
from engine.items.registry import item_format, item_format_names
from views.terminal.errors import UsageWrong
from views.terminal.tables import TableView

_OTHER_NAMES: Final = {"searchqa": "question"}
"""Formats by the names that SkillOpt's manifests have for them."""
_ENDINGS: Final = ("_id_split", "_path_split", "_split")
"""Of names of its folders."""


class MaterializedSplitRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="materialized_split"):
    """A split that was written."""

    split: str
    items: int
    files: int
    """Files that the whole set has besides: images, documents, workbooks."""
    file: str
    """Where its rows are."""


def format_meant(manifest: Path, named: str | None) -> str:
    """Say which format the rows have: the one that was named, or the one whose name the manifest begins with.

    Raises:
        UsageWrong: Neither tells, or there is no such manifest, whose name then tells nothing.
    """
    if named is not None:
        return named
    if not manifest.exists():
        raise UsageWrong(f"there is no manifest {manifest}", remedy="name a file or folder that lists items")
    formats = {name: name for name in item_format_names()} | {
        other: name for other, name in _OTHER_NAMES.items() if name in item_format_names()
    }
    found = [form for name, form in formats.items() if manifest.name.startswith(f"{name}_")]
    if not found:
        raise UsageWrong(
            f"the name of {manifest} tells no format",
            remedy=f"name it with --item-format: {', '.join(item_format_names())}",
        )
    return max(found, key=len)


def folder_meant(manifest: Path) -> Path:
    """Say where the set is written unless somewhere else is asked for: beside the manifest, by its name."""
    name = manifest.name.removesuffix(manifest.suffix)
    base = next((name.removesuffix(each) for each in _ENDINGS if name.endswith(each)), name)
    return manifest.with_name(f"{base}_items")


def materialize_set(
    manifest: Path, sources: Sequence[Path], form: str, files: Path | None, folder: Path
) -> list[MaterializedSplitRow]:
    """Write a set of the items that a manifest names. Blocking.

    Args:
        manifest: A folder or a file.
        sources: Files with rows. Empty: the manifest holds the rows itself.
        form: Name of the format.
        files: Folder against which paths in rows are read. None: that of each row's file.
        folder: Of the set; nothing stands there.

    Raises:
        ItemsMissing, ManifestInvalid, NameUnknown, SetStands: See each.
        UsageWrong: It cannot be written there.
    """
    made = materialize(read_manifest(manifest), item_format(form), sources, files)
    try:
        write_set(made, folder)
    except OSError as error:
        raise UsageWrong(f"{folder} cannot be written: {error}", remedy="choose a writable path") from error
    return _told(made, folder)


def _told(made: MaterializedSet, folder: Path) -> list[MaterializedSplitRow]:
    return [
        MaterializedSplitRow(split=split, items=len(rows), files=len(made.files), file=str(folder / f"{split}.json"))
        for split, rows in made.rows.items()
    ]


MATERIALIZED_SPLITS: Final = TableView(MaterializedSplitRow, "split >items >files file")
