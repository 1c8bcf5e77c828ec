"""Manifests of item sets: the names of items alone, split by split, as benchmarks publish them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from engine.items.base import Split
from engine.items.errors import ItemsMissing, ManifestInvalid, RowFault
from engine.items.row_files import JSON, rows_of
from engine.items.splits import PARTS, SPLITS, files_by_split

KEYS: Final = ("id", "uid", "questionId", "question_id", "key")
"""Of rows and of manifests: fields that name an item. ``key`` is SearchQA's, ``uid`` OfficeQA's."""
COUNTS: Final = "split_manifest.json"
"""Beside the splits: how many items each of them has, among other things."""
_SUFFIXES: Final = (".json", ".jsonl", ".csv", ".txt")


class ManifestEntry(NamedTuple):
    """One item, as a manifest names it."""

    name: str
    fields: Mapping[str, Any]
    """What the manifest says of it besides."""
    file: Path
    number: int
    """Of the entry in its file, from 1."""

    def fault(self, problem: str) -> RowFault:
        """Say what is wrong with it."""
        return RowFault(self.file, None, f"entry {self.number}: {problem}")


Manifest = Mapping[Split, Sequence[ManifestEntry]]


def read_manifest(path: Path) -> Manifest:
    """Read a manifest whole: a folder with a folder or a file for each split, or one file. Blocking.

    A file is a JSON array of names or of objects, one object a line, a table, or one name a line (``.txt``); one file
    for all splits may also be a JSON object with an array for each.

    Raises:
        ItemsMissing: There is no such file or folder, or it names no item.
        ManifestInvalid: An entry names no item, or an item is named twice, in one split or in two.
    """
    if not path.exists():
        raise ItemsMissing(path, "there is no such manifest", "name a file or folder that lists the names of items")
    faults: list[RowFault] = []
    found: dict[Split, list[ManifestEntry]] = {}
    for split, file, entries in _parts(path, faults):
        found.setdefault(split, []).extend(_named(file, entries, faults))
    faults += _twice(found)
    faults += _miscounted(path, found)
    if faults:
        raise ManifestInvalid(faults)
    if not any(found.values()):
        raise ItemsMissing(path, "the manifest names no item", f"list names in {', '.join(_SUFFIXES)} files")
    return MappingProxyType({split: found[split] for split in (*PARTS, "all") if found.get(split)})


def names_of(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """List the names under which a row may be meant, each once; LiveMathematicianBench's is its month and number."""
    texts = [_text(fields.get(key)) for key in KEYS]
    if "month" in fields and "no" in fields:
        texts.append(f"{fields['month']}:{fields['no']}")
    return tuple(dict.fromkeys(each for each in texts if each))


def _parts(path: Path, faults: list[RowFault]) -> Iterator[tuple[Split, Path, Sequence[Any]]]:
    """Give the entries of each file, with the split that they are for."""
    if path.is_dir():
        by_split = files_by_split(path, _SUFFIXES, lambda name: name != COUNTS)
        yield from ((split, file, _entries(file, faults)) for split, files in by_split.items() for file in files)
        return
    whole = _decoded(path, faults) if path.suffix == ".json" else None
    if not isinstance(whole, dict):
        yield "all", path, _entries(path, faults)
        return
    for name, entries in whole.items():
        if not isinstance(entries, list):
            continue  # what it says of itself
        if name in SPLITS:
            yield SPLITS[name], path, entries
        else:
            faults.append(RowFault(path, None, f"no split is called {name!r}: there are {', '.join(SPLITS)}"))


def _entries(file: Path, faults: list[RowFault]) -> Sequence[Any]:
    match file.suffix:
        case ".txt":
            return [line.strip() for line in _read(file, faults).splitlines() if line.strip()]
        case ".json":
            found = _decoded(file, faults)
            if found is None or isinstance(found, list):
                return found or ()
            faults.append(RowFault(file, None, "a JSON array of names or of objects is expected"))
            return ()
        case _:
            rows = list(rows_of(file))
            faults.extend(row for row in rows if isinstance(row, RowFault))
            return [row.fields for row in rows if not isinstance(row, RowFault)]


def _decoded(file: Path, faults: list[RowFault]) -> Any:
    """Decode a JSON file. None: it cannot be, and the fault is told."""
    told = len(faults)
    text = _read(file, faults)
    if len(faults) > told:
        return None
    try:
        return JSON.decode(text)
    except (ValueError, RecursionError) as error:
        faults.append(RowFault(file, None, f"not JSON: {error}"))
        return None


def _read(file: Path, faults: list[RowFault]) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        faults.append(RowFault(file, None, str(error)))
        return ""


def _named(file: Path, entries: Sequence[Any], faults: list[RowFault]) -> Iterator[ManifestEntry]:
    for number, entry in enumerate(entries, start=1):
        fields = entry if isinstance(entry, Mapping) else {}
        names = names_of(fields) if fields else tuple(filter(None, [_text(entry)]))
        if names:
            yield ManifestEntry(names[0], fields, file, number)
        else:
            faults.append(RowFault(file, None, f"entry {number} has no name: write it as {' or '.join(KEYS)}"))


def _text(value: object) -> str:
    """Write a name; a number is read as it is written. Empty: it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def _twice(found: Manifest) -> Iterator[RowFault]:
    """Find items that stand twice: in one split, or in two, where what is learnt of one part is measured on another."""
    seen: dict[str, tuple[Split, ManifestEntry]] = {}
    for split, entries in found.items():
        for entry in entries:
            if entry.name not in seen:
                seen[entry.name] = (split, entry)
                continue
            before, first = seen[entry.name]
            kind = f"twice in {split}" if before == split else f"in {before} and in {split}"
            yield entry.fault(f"{entry.name!r} stands {kind}, first in {first.file}, entry {first.number}")


def _miscounted(path: Path, found: Manifest) -> Iterator[RowFault]:
    """Hold the splits against the counts that are published beside them, where there are any."""
    file = path / COUNTS
    if not path.is_dir() or not file.is_file():
        return
    faults: list[RowFault] = []
    whole = _decoded(file, faults)
    yield from faults
    counts = whole.get("counts") if isinstance(whole, dict) else None
    for name, count in counts.items() if isinstance(counts, dict) else ():
        have = len(found.get(SPLITS[name], ())) if name in SPLITS else None
        if have is not None and isinstance(count, int) and count != have:
            yield RowFault(file, None, f"the split {name!r} is said to have {count} items, and has {have}")
