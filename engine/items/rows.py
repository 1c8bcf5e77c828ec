"""Rows of item sets: what a format reads of one, with the files that it names."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from engine.items.errors import RowInvalid
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
            raise RowInvalid(f"`{key}` must be a text that is not empty, and is {shown(value)}")
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
            raise RowInvalid(f"`{key}` must be a list of one text or more, and is {shown(value)}")
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


def shown(value: object) -> str:
    """Show a value of a row, cut short, as JSON has it."""
    return "missing or null" if value is None else f"{json.dumps(value, default=str)[:80]}"
