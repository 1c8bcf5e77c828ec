"""Item sets made of a manifest and of the rows that it names: read and checked whole, then written at once or not."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from typing_extensions import override

from engine.items.base import InObject, ItemFormat, Split
from engine.items.errors import ManifestInvalid, RowFault, RowInvalid, SetStands
from engine.items.manifest import Manifest, ManifestEntry, names_of
from engine.items.rows import ItemRow, LocatedRow, require_unicode, rows_of
from events.digest import digest_of

ORIGINS: Final = "materialized.json"
"""File beside the splits that says of which files a set was made, by digest."""


class MaterializedSet(NamedTuple):
    """What is to be written."""

    rows: Mapping[Split, Sequence[Mapping[str, Any]]]
    files: Mapping[str, Path]
    """Where each file lies that a row names, by its path beside the rows."""
    sources: Sequence[Path]
    """The files that the rows came from."""


class _Found(NamedTuple):
    """A row of a source."""

    file: Path
    row: LocatedRow

    @property
    def place(self) -> str:
        return f"{self.file}:{self.row.line}"


class _RecordingRow(ItemRow):
    """Remembers which files its format reads."""

    def __init__(self, fields: Mapping[str, Any], folder: Path) -> None:
        super().__init__(fields, folder, digest_of)
        self.used: dict[str, Path] = {}

    @override
    def file(self, path: str) -> bytes:
        data = super().file(path)
        self.used[str(PurePosixPath(path))] = self.inside(path)
        return data


def materialize(manifest: Manifest, form: ItemFormat, sources: Sequence[Path], base: Path | None) -> MaterializedSet:
    """Find the row of each item of a manifest, and have its format read it. Blocking; nothing is written.

    Fields that a row lacks come from the manifest.

    Args:
        manifest: Which items.
        form: Reads their rows.
        sources: Files with rows. Empty: the manifest holds the rows itself.
        base: Folder against which paths in rows are read. None: that of the row's file.

    Raises:
        ManifestInvalid: An item has no row, or two, or a row is wrong.
    """
    faults: list[RowFault] = []
    wanted = {entry.name: entry for entries in manifest.values() for entry in entries}
    found = _rows_by_name(wanted, form, sources, faults) if sources else _own_rows(wanted)
    files: dict[str, Path] = {}
    rows: dict[Split, list[Mapping[str, Any]]] = {}
    for split, entries in manifest.items():
        for entry in entries:
            if (one := _single(entry, found.get(entry.name, ()), faults)) is not None:
                rows.setdefault(split, []).append(_whole(entry, one, form, base, (files, faults)))
    if faults:
        raise ManifestInvalid(faults)
    return MaterializedSet(rows, files, tuple(sources))


def write_set(made: MaterializedSet, folder: Path) -> None:
    """Write a set where nothing stands yet: all of it, or nothing. Blocking.

    Raises:
        SetStands: The folder is there already.
        OSError: It cannot be written.
    """
    if folder.exists():
        raise SetStands(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        inside = Path(beside) / "set"
        inside.mkdir()
        for path, source in made.files.items():
            at = inside / path
            at.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, at)
        for split, rows in made.rows.items():
            (inside / f"{split}.json").write_text(_array(rows), "utf-8")
        origins = {str(each): digest_of(each.read_bytes()) for each in made.sources}
        (inside / ORIGINS).write_text(f"{json.dumps(origins, indent=1, ensure_ascii=False)}\n", "utf-8")
        inside.rename(folder)


def _array(rows: Sequence[Mapping[str, Any]]) -> str:
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"


def _own_rows(wanted: Mapping[str, ManifestEntry]) -> Mapping[str, Sequence[_Found]]:
    return {name: [_Found(entry.file, LocatedRow(entry.number, entry.fields))] for name, entry in wanted.items()}


def _rows_by_name(
    wanted: Mapping[str, ManifestEntry], form: ItemFormat, sources: Sequence[Path], faults: list[RowFault]
) -> Mapping[str, Sequence[_Found]]:
    found: dict[str, list[_Found]] = {}
    for file in sources:
        if file.suffix not in {".json", ".jsonl", ".csv"}:
            faults.append(RowFault(file, None, "rows are read from .json, .jsonl and .csv files"))
            continue
        for row in rows_of(file, form.array if isinstance(form, InObject) else None):
            if isinstance(row, RowFault):
                faults.append(row)
                continue
            for name in names_of(row.fields):
                if name in wanted:
                    found.setdefault(name, []).append(_Found(file, row))
    return found


def _single(entry: ManifestEntry, found: Sequence[_Found], faults: list[RowFault]) -> _Found | None:
    """Give the one row of an item. None: there is none, or there are several, which is a fault."""
    if len(found) == 1:
        return found[0]
    places = " and in ".join(each.place for each in found)
    several = f"{entry.name!r} has {len(found)} rows, in {places}"
    faults.append(entry.fault(several if found else f"no row is called {entry.name!r}"))
    return None


def _whole(
    entry: ManifestEntry,
    found: _Found,
    form: ItemFormat,
    base: Path | None,
    kept: tuple[dict[str, Path], list[RowFault]],
) -> Mapping[str, Any]:
    """Put a row together and have its format read it, so that what is written can be read."""
    files, faults = kept
    fields = {**entry.fields, **found.row.fields, "id": entry.name}
    row = _RecordingRow(fields, found.file.parent if base is None else base)
    try:
        require_unicode(fields)
        _require_name(form.read(row).name, entry.name)
        files.update(_new_files(row.used, files))
    except RowInvalid as error:
        faults.append(RowFault(found.file, found.row.line, error.problem))
    return fields


def _require_name(read: str, named: str) -> None:
    if read != named:
        raise RowInvalid(f"the manifest calls it {named!r}, and its row {read!r}")


def _new_files(used: Mapping[str, Path], files: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Give the files that are not there yet.

    Raises:
        RowInvalid: A file of another set of rows has the same path and other bytes, or the path is one of ours.
    """
    taken = {ORIGINS, *(f"{split}.json" for split in ("train", "val", "test", "all"))}
    for path, at in used.items():
        if path in taken:
            raise RowInvalid(f"the file {path} has the name of a file of the set")
        if path in files and files[path] != at and files[path].read_bytes() != at.read_bytes():
            raise RowInvalid(f"the file {path} stands in {files[path]} with other bytes")
        yield path, at
