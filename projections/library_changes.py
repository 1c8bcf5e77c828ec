"""What happens to skills of a library besides revisions: values of the projection."""

import msgspec


class Narrowing(msgspec.Struct, frozen=True):
    """Where a skill is given no more."""

    exclude: tuple[str, ...]
    """Environments."""
    reason: str


class Rollback(msgspec.Struct, frozen=True):
    """An earlier revision took the place of a later one."""

    revision: int
    """That was in force."""
    to: int
    reason: str


class ForeignChange(msgspec.Struct, frozen=True):
    """A change of a library by a stream that it does not belong to; it was not applied."""

    run: str
    stream: str
    version: int
    library: str
