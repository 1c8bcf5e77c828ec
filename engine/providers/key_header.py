"""Which header carries a key or a token, and how."""

from typing import Final, NamedTuple


class KeyHeader(NamedTuple):
    """The header that carries a key or a token."""

    name: str
    before: str = ""
    """What stands before it in the header's value."""

    def value(self, key: str) -> str:
        """Write the header's value."""
        return self.before + key


BEARER: Final = KeyHeader("Authorization", "Bearer ")


def key_header(name: str) -> KeyHeader:
    """Say how a key travels in a header that a person names."""
    return BEARER if name.lower() == BEARER.name.lower() else KeyHeader(name)
