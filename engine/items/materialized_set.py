"""Item sets made of a manifest and of the rows that it names: read and checked whole, then written at once or not."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from typing_extensions import override

from engine.items.base import InObject, ItemFormat, Split
from engine.items.errors import ManifestInvalid, RowFault, RowInvalid, SetStands
from engine.items.images import suffix_of
from engine.items.manifest import Manifest, ManifestEntry, names_of
from engine.items.parquet_rows import EmbeddedFile
from engine.items.row_files import LocatedRow, rows_of
from engine.items.rows import ItemRow, require_unicode
from events.digest import Digest, digest_of

ORIGINS: Final = "materialized.json"
"""File beside the splits that says of which files a set was made, by digest."""
_SOURCES: Final = (".json", ".jsonl", ".csv", ".parquet")
"""Of files with rows."""
_FILES: Final = "files"
"""Folder beside the splits for files that lay in a table."""
_LETTERS: Final = 16
"""Of a digest, by which such a file is called."""


class MaterializedSet(NamedTuple):
    """What is to be written."""

    rows: Mapping[Split, Sequence[Mapping[str, Any]]]
    files: Mapping[str, Path | bytes]
    """Where each file lies that a row names, by its path beside the rows; its bytes, of one that lies in a table."""
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
        self._embedded: dict[str, bytes] = {}
        super().__init__({name: self._named(value) for name, value in fields.items()}, folder, digest_of)
        self.used: dict[str, Path | bytes] = {}

    @override
    def file(self, path: str) -> bytes:
        name = str(PurePosixPath(path))
        if path in self._embedded:
            self.used[name] = self._embedded[path]
            return self._embedded[path]
        data = super().file(path)
        self.used[name] = self.inside(path)
        return data

    def _named(self, value: Any) -> Any:
        """Give a value in which files that lie in the table are named by a path, as others are."""
        match value:
            case EmbeddedFile():
                path = f"{_FILES}/{digest_of(value.data)[:_LETTERS]}{suffix_of(value.path or '', value.data)}"
                self._embedded[path] = value.data
                return path
            case dict():
                return {name: self._named(each) for name, each in value.items()}
            case list():
                return [self._named(each) for each in value]
            case _:
                return value


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
    files: dict[str, Path | bytes] = {}
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
            _put(source, at)
        for split, rows in made.rows.items():
            with (inside / f"{split}.json").open("w", encoding="utf-8") as file:
                file.writelines(_array(rows))
        origins = {str(each): _digest_of_file(each) for each in made.sources}
        (inside / ORIGINS).write_text(f"{json.dumps(origins, indent=1, ensure_ascii=False)}\n", "utf-8")
        inside.rename(folder)


def _put(source: Path | bytes, at: Path) -> None:
    if isinstance(source, bytes):
        at.write_bytes(source)
    else:
        shutil.copyfile(source, at)


def _digest_of_file(file: Path) -> Digest:
    """Digest a file piece by piece: it may be larger than memory."""
    with file.open("rb") as opened:
        return Digest(hashlib.file_digest(opened, "sha256").hexdigest())


def _array(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "[\n"
    for number, row in enumerate(rows):
        yield f"{',' if number else ''}\n{json.dumps(row, ensure_ascii=False)}".removeprefix("\n")
    yield "\n]\n"


def _own_rows(wanted: Mapping[str, ManifestEntry]) -> Mapping[str, Sequence[_Found]]:
    return {name: [_Found(entry.file, LocatedRow(entry.number, entry.fields))] for name, entry in wanted.items()}


def _rows_by_name(
    wanted: Mapping[str, ManifestEntry], form: ItemFormat, sources: Sequence[Path], faults: list[RowFault]
) -> Mapping[str, Sequence[_Found]]:
    found: dict[str, list[_Found]] = {}
    array = form.array if isinstance(form, InObject) else None

    def needed(fields: Mapping[str, Any]) -> bool:
        return any(name in wanted for name in names_of(fields))

    for file in sources:
        if file.suffix not in _SOURCES:
            faults.append(RowFault(file, None, f"rows are read from {', '.join(_SOURCES)} files"))
            continue
        for row in rows_of(file, array, needed):
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
    kept: tuple[dict[str, Path | bytes], list[RowFault]],
) -> Mapping[str, Any]:
    """Put a row together and have its format read it, so that what is written can be read."""
    files, faults = kept
    whole = {**entry.fields, **found.row.fields, "id": entry.name}
    row = _RecordingRow(whole, found.file.parent if base is None else base)
    try:
        require_unicode(row.fields)
        _require_name(form.read(row).name, entry.name)
        files.update(_new_files(row.used, files))
    except RowInvalid as error:
        faults.append(RowFault(found.file, found.row.line, error.problem))
    return row.fields


def _require_name(read: str, named: str) -> None:
    if read != named:
        raise RowInvalid(f"the manifest calls it {named!r}, and its row {read!r}")


def _new_files(
    used: Mapping[str, Path | bytes], files: Mapping[str, Path | bytes]
) -> Iterator[tuple[str, Path | bytes]]:
    """Give the files that are not there yet.

    Raises:
        RowInvalid: A file of another set of rows has the same path and other bytes, or the path is one of ours.
    """
    taken = {ORIGINS, *(f"{split}.json" for split in ("train", "val", "test", "all"))}
    for path, at in used.items():
        if path in taken:
            raise RowInvalid(f"the file {path} has the name of a file of the set")
        before = files.get(path, at)
        if before != at and _data(before) != _data(at):
            where = "a table" if isinstance(before, bytes) else before
            raise RowInvalid(f"the file {path} stands in {where} with other bytes")
        yield path, at


def _data(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()
