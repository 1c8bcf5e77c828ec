"""Small things a scope works with: where events stand, and the error within a group of errors."""

from typing import NamedTuple

from events.base import Ref


class Kept(NamedTuple):
    """Where a recorded event stands, and when it was recorded."""

    ref: Ref
    position: int
    at: int


class Written(NamedTuple):
    """Where appended events begin and end, and when they were appended."""

    position: int
    """Of the first."""
    version: int
    """Of the last."""
    at: int


def first_of(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give the first error in a group, so that callers meet the error and not its wrapping."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
