"""Orders that a seed decides, the same on every machine and in every version of Python."""

import random  # noqa: TID251 - a generator of its own, seeded by the caller; nothing is drawn that a seed does not fix
from collections.abc import Sequence
from typing import TypeVar

from events.digest import digest_of

T = TypeVar("T")


def shuffled(values: Sequence[T], seed: int) -> list[T]:
    """Give values in the order that ``random.Random(seed).shuffle`` leaves them in, which SkillOpt's splits rest on."""
    order = list(values)
    random.Random(seed).shuffle(order)  # noqa: S311 - no secret is drawn
    return order


def stream_seed(seed: int, *names: str) -> int:
    """Give the seed of a stream of draws of its own: of the same seed, two names draw nothing in common.

    Args:
        seed: Of all that is drawn, any integer.
        names: Of the stream, from the widest to the narrowest, such as ``("epoch", "3")``.

    Returns:
        An integer of 63 bits, 0 or more.
    """
    return int(digest_of("\0".join((str(seed), *names)).encode())[:16], 16) >> 1
