"""Undoing the compression of bodies: what is kept, looked at and passed on is plain."""

import zlib
from collections.abc import Callable
from typing import Final, Protocol

import zstandard

_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
"""As zlib has it: whichever of the two the first bytes say."""


class BodyUnreadable(ConnectionError):
    """A body is compressed in a way that cannot be undone here."""


class _Unpacker(Protocol):
    def decompress(self, data: bytes, /) -> bytes:
        """Give what can be given of what came so far."""
        ...


_KNOWN: Final[dict[str, Callable[[], _Unpacker]]] = {
    "gzip": lambda: zlib.decompressobj(_GZIP_OR_ZLIB),
    "x-gzip": lambda: zlib.decompressobj(_GZIP_OR_ZLIB),
    "deflate": lambda: zlib.decompressobj(_GZIP_OR_ZLIB),
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
}


class Unpacking:
    """Undoes the compression of one body, as it comes."""

    def __init__(self, encoding: str) -> None:
        """Take what ``Content-Encoding`` says.

        Raises:
            BodyUnreadable: No such encoding is known.
        """
        self._steps: list[_Unpacker] = []
        for name in reversed(encoding.lower().split(",")):
            if name.strip() not in {"", "identity"}:
                if name.strip() not in _KNOWN:
                    raise BodyUnreadable(f"the body is encoded as {name.strip()}, which is not known here")
                self._steps.append(_KNOWN[name.strip()]())

    def __call__(self, data: bytes) -> bytes:
        """Give what can be given of what came so far.

        Raises:
            BodyUnreadable: It is not what its encoding says.
        """
        try:
            for step in self._steps:
                data = step.decompress(data)
        except (zlib.error, zstandard.ZstdError) as error:
            raise BodyUnreadable(f"the body cannot be unpacked: {error}") from error
        return data
