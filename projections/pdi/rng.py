"""Random draws that derive from a seed and a place, so that the same audit gives the same figures everywhere; pure.

A draw is the SHA-256 of the seed and of the names of its place. Nothing has a state: draws may be made in any order,
and one more of them moves no other.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")


def draw(seed: int, *place: str | int) -> int:
    """Draw a number in [0, 2^256[."""
    named = "\0".join(map(str, (seed, *place)))
    return int.from_bytes(sha256(named.encode()).digest())


def pick(values: Sequence[T], seed: int, *place: str | int) -> T:
    """Draw one of one or more values, each as likely as any other but for one part in 2^200."""
    return values[draw(seed, *place) % len(values)]


def shuffled(values: Sequence[T], seed: int, *place: str | int) -> list[T]:
    """Give the values in a drawn order, each order as likely as any other."""
    order = sorted(range(len(values)), key=lambda index: draw(seed, *place, index))
    return [values[index] for index in order]
