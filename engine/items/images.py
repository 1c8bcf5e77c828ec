"""Images of items: which kind one is, is read from its bytes, since providers refuse one that is called another."""

from pathlib import PurePosixPath
from typing import Final

import msgspec

from engine.items.errors import RowInvalid
from events.digest import Digest

_TYPES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


class ItemImage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An image that a question shows."""

    digest: Digest
    media_type: str
    """Such as ``image/png``."""


def media_type_of(path: str, data: bytes) -> str:
    """Say which kind of image this is: by its bytes, or by its name where they do not tell.

    Raises:
        RowInvalid: Neither tells.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    by_name = _TYPES.get(PurePosixPath(path).suffix.lower())
    found = next((kind for beginning, kind in _BEGINNINGS if data.startswith(beginning)), by_name)
    if found is None:
        raise RowInvalid(f"the image {path} is none of {', '.join(_TYPES)}")
    return found
