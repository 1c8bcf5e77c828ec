"""What an engine tells of a path inside a container."""

from typing import Final

from msgspec import Struct

_NOT_REGULAR: Final = (1 << 31) | (1 << 27) | (1 << 26) | (1 << 25) | (1 << 24) | (1 << 21) | (1 << 19)
"""Go's bits for folder, link, device, pipe, socket, character device, irregular."""


class Stat(Struct, frozen=True):
    """A path inside a container, links not followed."""

    size: int
    mode: int
    """As Go writes it: permission bits, and the kind in the high bits."""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return bool(self.mode & (1 << 31))

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return not self.mode & _NOT_REGULAR
