"""Orders that a seed decides, the same on every machine and in every version of Python."""

import random  # noqa: TID251 - a generator of its own, seeded by the caller; nothing is drawn that a seed does not fix
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def shuffled(values: Sequence[T], seed: int) -> list[T]:
    """Give values in the order that ``random.Random(seed).shuffle`` leaves them in, which SkillOpt's splits rest on."""
    order = list(values)
    random.Random(seed).shuffle(order)  # noqa: S311 - no secret is drawn
    return order
