"""Rows of the files of an item set, each with the line on which it begins."""

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from engine.items.errors import RowFault, RowInvalid
from engine.items.images import ItemImage, media_type_of
from events.digest import Digest

LARGEST: Final = 128 * 1024 * 1024
"""Bytes of a file that a row names, and of the texts of a folder together: items are kept in memory, and in the log."""


class ItemRow:
    """One row, and what its format needs to make an item of it."""

    def __init__(
        self,
        fields: Mapping[str, Any],
        folder: Path,
        put: Callable[[bytes], Digest],
        root: Path | None = None,
        kept: dict[Path, Digest] | None = None,
    ) -> None:
        """Wrap a row.

        Args:
            fields: As the file has them.
            folder: Of the file, against which paths in the row are read.
            put: Keeps bytes that an item names.
            root: Folder of the set, into which links may lead. None: `folder`.
            kept: Folders of texts that other rows have named, by their digests. None: there is no other row.
        """
        self.fields = fields
        self.put = put
        self._folder = folder
        self._root = root or folder
        self._kept = {} if kept is None else kept

    def text(self, key: str) -> str:
        """Give a text that is not empty; a number is read as it is written.

        Raises:
            RowInvalid: It is missing, empty, or no text.
        """
        value = self.fields.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or not value.strip():
            raise RowInvalid(f"`{key}` must be a text that is not empty, and is {_shown(value)}")
        return value

    def optional(self, key: str) -> str | None:
        """Give a text. None: the key is missing, null, or empty.

        Raises:
            RowInvalid: It is something else.
        """
        value = self.fields.get(key)
        return None if value is None or value == "" else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """Give one text or more; whole numbers are read as they are written.

        Raises:
            RowInvalid: It is no list of texts, or an empty one.
        """
        value = self.fields.get(key)
        if not isinstance(value, list) or not value or not all(map(_is_text, value)):
            raise RowInvalid(f"`{key}` must be a list of one text or more, and is {_shown(value)}")
        return tuple(map(str, value))

    def first_of(self, keys: Sequence[str]) -> str:
        """Say under which of several names a row has a value; under the first of them if under none."""
        return next((key for key in keys if self.fields.get(key) not in _NOTHING), keys[0])

    def file(self, path: str) -> bytes:
        """Read a file below the folder.

        Raises:
            RowInvalid: It does not exist, cannot be read, lies outside, or is too large.
        """
        at = self.inside(path)
        if not at.is_file():
            raise RowInvalid(f"the file {path} does not exist")
        try:
            if (size := at.stat().st_size) > LARGEST:
                raise RowInvalid(f"the file {path} has {size} bytes, and {LARGEST} is the limit")
            return at.read_bytes()
        except OSError as error:
            raise RowInvalid(f"the file {path} cannot be read: {error.strerror}") from error

    def text_file(self, path: str) -> str:
        """Read a file of text in UTF-8 below the folder.

        Raises:
            RowInvalid: It cannot be read as one.
        """
        try:
            return self.file(path).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise RowInvalid(f"{path} is no text in UTF-8: {error}") from error

    def texts_below(self, path: str, suffixes: tuple[str, ...]) -> Mapping[str, str]:
        """Read all texts of a folder below the folder, by their paths in it, in order. Hidden ones are left out.

        Raises:
            RowInvalid: There is none, or one cannot be read, or together they are too large.
        """
        root = self.inside(path)
        found = {
            at.relative_to(root).as_posix(): at
            for at in (sorted(root.rglob("*")) if root.is_dir() else ())
            if at.suffix in suffixes
            and at.is_file()
            and not any(part.startswith(".") for part in at.parts[len(root.parts) :])
        }
        if not found:
            raise RowInvalid(f"the folder {path} holds no {' or '.join(suffixes)} file")
        if (size := sum(at.stat().st_size for at in found.values())) > LARGEST:
            raise RowInvalid(f"the texts of the folder {path} have {size} bytes, and {LARGEST} is the limit")
        return {name: self.text_file(f"{path}/{name}") for name in found}

    def once(self, path: str, make: Callable[[], bytes]) -> Digest:
        """Keep what is made of a folder once for all rows that name it.

        Raises:
            RowInvalid: The folder lies outside, or what is made of it cannot be.
        """
        at = self.inside(path)
        if at not in self._kept:
            self._kept[at] = self.put(make())
        return self._kept[at]

    def image(self, path: str) -> ItemImage:
        """Keep an image below the folder.

        Raises:
            RowInvalid: It does not exist, lies outside, or is no kind of image that models take.
        """
        data = self.file(path)
        return ItemImage(self.put(data), media_type_of(path, data))

    def images(self, key: str) -> tuple[ItemImage, ...]:
        """Keep the images that a list of paths names. Empty: the key is missing or null.

        Raises:
            RowInvalid: It is something else, or one of them cannot be kept.
        """
        return () if self.fields.get(key) is None else tuple(self.image(path) for path in self.texts(key))

    def inside(self, path: str) -> Path:
        """Give the place of a file or folder below the folder.

        Raises:
            RowInvalid: It lies outside, a link leads out of the set, or no file system takes such a path.
        """
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts:
            raise RowInvalid(f"the path {path} leads out of the folder of the set")
        at = self._folder / relative
        try:
            os.lstat(at)
            within = any(at.resolve().is_relative_to(each.resolve()) for each in (self._folder, self._root))
        except FileNotFoundError:
            return at
        except (OSError, RuntimeError, ValueError) as error:
            raise RowInvalid(f"the path {path} leads nowhere: {getattr(error, 'strerror', error)}") from error
        if not within:
            raise RowInvalid(
                f"the path {path} is a link that leads out of the folder of the set: copy what it leads to"
            )
        return at


def require_unicode(fields: Mapping[str, Any]) -> None:
    """See that a row can be written in UTF-8: JSON lets half of a surrogate pair stand, and no log, file or model does.

    Raises:
        RowInvalid: It cannot.
    """
    try:
        json.dumps(fields, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        raise RowInvalid(f"it holds half of a surrogate pair, {error.object[error.start]!a}") from error


_NOTHING: Final[tuple[Any, ...]] = (None, "", [])
"""What stands where a table has no value."""


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


class LocatedRow(NamedTuple):
    """A row, and where it stands."""

    line: int
    """On which it begins, from 1."""
    fields: Mapping[str, Any]


def rows_of(file: Path, array: str | None = None) -> Iterator[LocatedRow | RowFault]:
    """Read the rows of a file, whole or not at all: what is no row is a fault, and is not passed over.

    Args:
        file: By whose suffix its kind is known.
        array: Key under which the rows of a JSON object stand. None: the file is the array.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        yield RowFault(file, None, str(error))
        return
    match file.suffix:
        case ".jsonl":
            yield from _lines(file, text)
        case ".csv":
            yield from _table(file, text)
        case _:
            yield from (_array(file, text) if array is None else _inside(file, text, array))


def _inside(file: Path, text: str, array: str) -> Iterator[LocatedRow | RowFault]:
    """Read the rows of an array within an object; what stands beside it is not of the set."""
    try:
        value = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        yield RowFault(file, 1, f"not JSON: {error}")
        return
    rows = value.get(array) if isinstance(value, dict) else None
    if not isinstance(rows, list):
        yield RowFault(file, 1, f"a JSON object with an array `{array}` is expected")
        return
    begins = re.search(rf'"{re.escape(array)}"\s*:\s*', text)
    at = 0 if begins is None else begins.end()
    for row in rows:
        at = text.find("{", at + 1) if isinstance(row, dict) else at
        line = text.count("\n", 0, max(at, 0)) + 1
        if isinstance(row, dict):
            yield LocatedRow(line, row)
            at = _decoder.raw_decode(text, at)[1] - 1
        else:
            yield RowFault(file, line, f"a JSON object is expected, and there is {_shown(row)}")


def _lines(file: Path, text: str) -> Iterator[LocatedRow | RowFault]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        row, end = _decoded(file, line, _past_space(line, 0), number)
        if end is not None and line[end:].strip():
            yield RowFault(file, number, "one JSON object a line is expected")
        else:
            yield row


def _array(file: Path, text: str) -> Iterator[LocatedRow | RowFault]:
    """Read the objects of a JSON array one by one, so that each is known by its line."""
    at, line = _past_space(text, 0), 1
    if text[at : at + 1] != "[":
        yield RowFault(file, 1, "a JSON array of items is expected")
        return
    counted, at = 0, _past_space(text, at + 1)
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        row, end = _decoded(file, text, at, line)
        yield row
        if end is None:
            return
        at = _past_space(text, end)
        if text[at : at + 1] == ",":
            at = _past_space(text, at + 1)
        elif text[at : at + 1] != "]":
            yield RowFault(file, line + text.count("\n", counted, at), "`,` or `]` is expected")
            return
    if text[at + 1 :].strip():
        yield RowFault(file, line + text.count("\n", counted, at), "something follows the array")


def _table(file: Path, text: str) -> Iterator[LocatedRow | RowFault]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    line = 2
    try:
        for fields in reader:
            if None in fields or None in fields.values():
                yield RowFault(file, line, f"{len(reader.fieldnames or ())} columns are expected")
            else:
                yield LocatedRow(line, fields)
            line = reader.line_num + 1
    except csv.Error as error:
        yield RowFault(file, line, str(error))


def _decoded(file: Path, text: str, at: int, line: int) -> tuple[LocatedRow | RowFault, int | None]:
    """Decode the object that begins at a place; give where it ends. None: nothing behind it can be read."""
    try:
        value, end = _decoder.raw_decode(text, at)
    except json.JSONDecodeError as error:
        return RowFault(file, line + text.count("\n", at, error.pos), f"not JSON: {error.msg}"), None
    except (ValueError, RecursionError) as error:
        return RowFault(file, line, f"not JSON: {error}"), None
    if not isinstance(value, dict):
        return RowFault(file, line, f"a JSON object is expected, and there is {_shown(value)}"), end
    return LocatedRow(line, value), end


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number in JSON")


def _past_space(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


def _shown(value: object) -> str:
    return "missing or null" if value is None else f"{json.dumps(value, default=str)[:80]}"


_decoder: Final = json.JSONDecoder(parse_constant=_no_number)
