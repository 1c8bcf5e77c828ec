"""Sequences in consecutive parts of one size; pure."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def cut(values: Sequence[T], size: int) -> tuple[tuple[T, ...], ...]:
    """Cut values into parts of ``size`` (1 or more), in order. The last one may have fewer."""
    return tuple(tuple(values[at : at + size]) for at in range(0, len(values), size))
