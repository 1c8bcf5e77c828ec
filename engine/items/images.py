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


_OTHERS: Final = (
    (b"%PDF", "a PDF"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"BM", "a bitmap"),
    (b"<?xml", "an SVG"),
    (b"<svg", "an SVG"),
    (b"version https://git-lfs", "a pointer of Git LFS, and the image itself is not here"),
)
"""What images are called by mistake; no model takes one."""
LARGEST: Final = 32 * 1024 * 1024
"""Bytes of an image; no provider takes a larger one."""


class ItemImage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An image that a question shows."""

    digest: Digest
    media_type: str
    """Such as ``image/png``."""


def media_type_of(path: str, data: bytes) -> str:
    """Say which kind of image this is: by its bytes, or by its name where they do not tell.

    Raises:
        RowInvalid: Neither tells, or it is none, empty, or too large for any model.
    """
    other = next((what for beginning, what in _OTHERS if data.startswith(beginning)), None)
    if not data or other is not None:
        raise RowInvalid(f"the image {path} is {other or 'empty'}; models take {', '.join(_TYPES)}")
    if len(data) > LARGEST:
        raise RowInvalid(f"the image {path} has {len(data)} bytes, and {LARGEST} is the limit")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    by_name = _TYPES.get(PurePosixPath(path).suffix.lower())
    found = next((kind for beginning, kind in _BEGINNINGS if data.startswith(beginning)), by_name)
    if found is None:
        raise RowInvalid(f"the image {path} is none of {', '.join(_TYPES)}")
    return found


def suffix_of(path: str, data: bytes) -> str:
    """Give the suffix by which a file of these bytes is called: that of its kind, if it is an image, or of its path."""
    try:
        kind = media_type_of(path, data)
    except RowInvalid:
        return PurePosixPath(path).suffix
    return next(suffix for suffix, each in _TYPES.items() if each == kind)
